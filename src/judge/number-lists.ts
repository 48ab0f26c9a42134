/**
 * Lists of numbers in a text that a model wrote: `[7, 8]`, also where the text around them is broken JSON. One pass,
 * each character looked at once: what a model (or who steers it) writes may be long and hostile.
 */

/** A stretch of the text. */
export interface Span {
  readonly start: number;
  /** Behind its last character. */
  readonly end: number;
}

/** A number as written; `value` is NaN where it is none that JSON or a person would write. */
export interface WrittenNumber extends Span {
  readonly value: number;
}

/** A list whose brackets hold nothing but numbers, `NaN` and `Infinity` included. */
export interface NumberList extends Span {
  readonly numbers: readonly WrittenNumber[];
}

/** More digits than any score has. */
const LONGEST_NUMBER = 40;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

const OPENERS = "[(";
const CLOSERS = "])";
const SPACES = " \t\r\n\u00A0";
const SEPARATORS = ",;";
const QUOTES = `"'“”\\`;
/** The scale of a list: "/ 10", "out of 10", "%". */
const SCALE = / {0,9}(?:(?:\/|out of) {0,9}(\d+(?:\.\d+)?)|%)/iy;
const EXPECTED_SCALE = 10;

/**
 * The list that begins at `start`, with square or round brackets, or where a list that is none stops being one: whoever
 * searches goes on from there. A list of lists is none, the inner ones are.
 */
export function readNumberList(text: string, start: number): NumberList | { readonly stoppedAt: number } {
  if (!isOneOf(OPENERS, text[start])) return { stoppedAt: start };
  const closer = CLOSERS[OPENERS.indexOf(text[start]!)];
  const numbers: WrittenNumber[] = [];
  let at = start + 1;
  for (;;) {
    while (isOneOf(SPACES, text[at])) at += 1;
    if (text[at] === closer) {
      return numbers.length === 0 ? { stoppedAt: at } : withScale(text, { start, end: at + 1, numbers });
    }
    const number = readNumber(text, at);
    if (number === undefined) return { stoppedAt: Math.max(at, start + 1) };
    numbers.push(number);
    at = number.end;
    while (isOneOf(SPACES, text[at])) at += 1;
    if (isOneOf(SEPARATORS, text[at])) at += 1;
    else if (at === number.end && text[at] !== closer) return { stoppedAt: at };
  }
}

/** The list with the scale behind it, none where that is another one than ours. */
function withScale(text: string, list: NumberList): NumberList | { readonly stoppedAt: number } {
  SCALE.lastIndex = list.end;
  const scale = SCALE.exec(text);
  if (scale === null) return list;
  const end = list.end + scale[0].length;
  return Number(scale[1]) === EXPECTED_SCALE ? { ...list, end } : { stoppedAt: end };
}

/** A number, plain or in quotes. */
function readNumber(text: string, at: number): WrittenNumber | undefined {
  let start = at;
  while (isOneOf(QUOTES, text[start])) start += 1;
  if (start > at) while (isOneOf(SPACES, text[start])) start += 1;
  let end = start;
  while (isWordCharacter(text[end])) end += 1;
  if (end === start) return undefined;
  const word = text.slice(start, Math.min(end, start + LONGEST_NUMBER + 1));
  const isNumber = word.length <= LONGEST_NUMBER && NUMBER.test(word);
  if (!isNumber && !/^[+-]?(?:nan|infinity|inf|[\d.][\d.eE+-]*)$/i.test(word)) return undefined;
  const value = isNumber ? Number(word) : Number.NaN;
  let after = end;
  if (start > at) while (isOneOf(SPACES, text[after])) after += 1;
  while (isOneOf(QUOTES, text[after])) after += 1;
  return { start, end: after, value };
}

function isWordCharacter(character: string | undefined): boolean {
  return character !== undefined && /[\w.+-]/.test(character);
}

/** True for one of the characters, never for the end of the text. */
export function isOneOf(characters: string, character: string | undefined): boolean {
  return character !== undefined && characters.includes(character);
}
