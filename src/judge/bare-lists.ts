/**
 * Lists of numbers in a reply that nothing labels `score`. "[7, 8]" on a line of its own is an answer; a scale, a box, a
 * reference or an error's codes look the same, and are none. So such a list counts only where it stands as an answer
 * does, and where no other number is left over.
 */

import { readNumberList, type NumberList } from "./number-lists.ts";

/** Text in which every control character is a space, beside the same text as it was written, with its lines. */
export interface BareText {
  readonly text: string;
  readonly written: string;
  /** Whether a place is within a string of well-formed JSON: what is quoted there is no score. */
  readonly isInString: (at: number) => boolean;
}

/** Every list of numbers in square brackets. */
export function bareLists({ text, isInString }: BareText): NumberList[] {
  const lists: NumberList[] = [];
  let at = text.indexOf("[");
  while (at >= 0) {
    const list = readNumberList(text, at);
    if ("numbers" in list && !isInString(at)) lists.push(list);
    at = text.indexOf("[", "numbers" in list ? list.end : Math.max(list.stoppedAt, at + 1));
  }
  return lists;
}

const FIGURE = /(?<![A-Za-z0-9_.])\d+(?:[.,]\d+)?(?![A-Za-z0-9_])/;
/** A judge that repeats itself does so a few times. */
const MOST_TIMES = 8;

/** Whether all of them stand as an answer does, and no other number is in the text. */
export function areAnswers(bare: BareText, lists: readonly NumberList[]): boolean {
  if (lists.length > MOST_TIMES || !lists.every((list) => isAnswer(bare, list))) return false;
  const rest = bare.text.split("").map((character, at) => (bare.isInString(at) ? " " : character));
  for (const { start, end } of lists) rest.fill(" ", start, end);
  return !FIGURE.test(rest.join(""));
}

/** What stands before a list that is the value of a key. */
const KEY = /([\p{L}\p{N}_]+)\\?["'“”]?\s*[:=]\s*[[({"'\s]*$/u;
/** Keys that models write where they were asked for "score". */
const NAMES_OF_SCORES = /rat(?:e|ing)|grade|result|answer|output|evaluation|verdict|评分|得分|分数/i;
/** Characters before and behind a list that tell what it is. */
const REACH = 80;

function isAnswer({ text, written }: BareText, { start, end, numbers }: NumberList): boolean {
  const before = text.slice(Math.max(0, start - REACH), start);
  const [, key] = KEY.exec(before) ?? [];
  if (key !== undefined) return NAMES_OF_SCORES.test(key);
  if (isLineOfItsOwn(written, start, end)) return true;
  const isScale = numbers[0]?.value === 0 && numbers[1]?.value === 10;
  return !isScale && isCalledScore(before);
}

/** Fences, tags and TeX around an answer. */
const MARKUP = /<[/|]?[\w|]{1,20}>|\\?(?:boxed|text)|```\w{0,10}/g;

function isLineOfItsOwn(written: string, start: number, end: number): boolean {
  const before = written
    .slice(Math.max(0, start - REACH), start)
    .split(/[\r\n]/)
    .at(-1)!;
  const behind = written.slice(end, end + REACH).split(/[\r\n]/)[0]!;
  return !/[\p{L}\p{N}]/u.test(`${before} ${behind}`.replaceAll(MARKUP, " "));
}

const SCORE_WORDS = /\b(?:scor|rat(?:e|ing)|grade|verdict|evaluat)/i;
/** Words that make a list a scale, a place, a reference, or something that was not said. */
const OTHER_WORDS =
  /\b(?:scale|range|from|between|within|in|at|on|box|region|area|pixel|position|coordinate|see|fig|ref|line|cannot|can't|could|unable|not|no|never|refuse|asked|example|instead)/i;

/** "I rate it [7, 8]": within one sentence, which speaks of nothing else. */
function isCalledScore(before: string): boolean {
  const sentence = before.split(/[.!?。]\s/).at(-1)!;
  return SCORE_WORDS.test(sentence) && !OTHER_WORDS.test(sentence);
}
