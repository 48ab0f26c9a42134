/**
 * From a judge's reply to its two scores. The reply was asked for as `{"score": [7, 8], "reasoning": "…"}`, and comes as
 * a model writes it: fenced, cut off, with quotes that nobody escaped, with prose around it, or as nothing of the kind.
 *
 * Scores are taken only where no other reading is possible: what is labelled `score` decides, and everything that is
 * must agree; where nothing is, the only list of numbers does. Anything else is unparsable, to be asked again: a score
 * that was guessed would be trained on.
 */

import { isOneOf, readNumberList, type NumberList, type WrittenNumber } from "./number-lists.ts";
import { withoutThinking } from "./thinking.ts";

export type ParsedReply =
  | {
      readonly kind: "scored";
      /** Within 0…10. */
      readonly scores: readonly [number, number];
      /** Where the two numbers stand in the reply. */
      readonly places: readonly [WrittenNumber, WrittenNumber];
      readonly reasoning: string;
    }
  | { readonly kind: "unparsable"; readonly reason: string };

const MAX_SCORE = 10;
/** Characters of reasoning that are kept; people read it in a report. */
const LONGEST_REASONING = 2000;
const SPACES = " \t\r\n\u00A0";

/** The word, in quotes or not (escaped ones too), and what assigns to it. */
const LABEL = /(\\?["'])?(?<![A-Za-z0-9_])scores?(?![A-Za-z0-9_])(\\?["'])?[ \t\r\n]*([:=\uFF1A])?/gi;

/** Two numbers within 0…10, if the reply leaves no doubt about them. Takes time linear in the reply's length. */
export function parseScores(reply: string): ParsedReply {
  const answer = withoutThinking(reply);
  // Line breaks inside of JSON strings are a common fault, and JSON has no use for them elsewhere either.
  const text = answer.text.replaceAll(/\p{Cc}/gu, " ");
  if (text.trim() === "") return unparsable("the reply is empty");
  const json = findJson(text);
  const labelled = labelledLists(text, json);
  const lists = labelled.length > 0 ? labelled : bareLists(text, json);
  const [first] = lists;
  // "Rate [0, 10]. Final: 7 and 8", or an error's codes: what nothing labels must stand alone.
  if (labelled.length === 0 && first !== undefined && !isAlone(text, lists, json)) {
    return unparsable(`numbers that nothing calls a score: ${excerpt(text)}`);
  }
  if (first === undefined) return unparsable(`no scores in the reply: ${excerpt(text)}`);
  if (first === "no list") return unparsable(`the score is no list of two numbers: ${excerpt(text)}`);
  if (lists.some((other) => other === "no list" || !isSame(first, other))) {
    return unparsable(`the reply can be read as several scores: ${excerpt(text)}`);
  }
  const [one, two] = first.numbers;
  if (one === undefined || two === undefined || first.numbers.length !== 2) {
    return unparsable(`${first.numbers.length} scores instead of two: ${excerpt(text)}`);
  }
  if (![one, two].every(({ value }) => value >= 0 && value <= MAX_SCORE)) {
    return unparsable(`scores outside of 0 to ${MAX_SCORE}: ${excerpt(text.slice(first.start, first.end))}`);
  }
  const place = (number: WrittenNumber): WrittenNumber => ({
    value: number.value,
    start: number.start + answer.start,
    end: number.end + answer.start,
  });
  return {
    kind: "scored",
    // Adding 0 turns −0 into 0.
    scores: [one.value + 0, two.value + 0],
    places: [place(one), place(two)],
    reasoning: reasoningOf(text, json),
  };
}

function unparsable(reason: string): ParsedReply {
  return { kind: "unparsable", reason };
}

/** Well-formed JSON in a text, and where its strings lie: what they quote is no score. */
interface FoundJson {
  readonly value: unknown;
  readonly isInString: (at: number) => boolean;
}

/** The stretch from the first opening brace to the last closing one, if it is JSON. */
function findJson(text: string): FoundJson | undefined {
  const start = text.indexOf("{");
  const end = text.lastIndexOf("}") + 1;
  if (start < 0 || end <= start) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text.slice(start, end));
  } catch {
    return undefined;
  }
  const inString = new Uint8Array(text.length);
  let isInside = false;
  for (let at = start; at < end; at += 1) {
    if (text[at] === "\\" && isInside) {
      inString.fill(1, at, at + 2);
      at += 1;
    } else if (text[at] === '"') isInside = !isInside;
    else if (isInside) inString[at] = 1;
  }
  return { value, isInString: (at) => inString[at] === 1 };
}

type Reading = NumberList | "no list";

/** What is labelled `score`, keys and assignments alike, outside of strings where those can be told. */
function labelledLists(text: string, json: FoundJson | undefined): Reading[] {
  const readings: Reading[] = [];
  for (const label of text.matchAll(LABEL)) {
    const [written, opening, closing, assigns] = label;
    const isQuoted = opening !== undefined && closing !== undefined;
    if (assigns === undefined) continue;
    // A quote that opens at the word and does not close behind it begins a string: what follows is quoted.
    const isText = opening === '"' && closing === undefined;
    if (json !== undefined && (isText || json.isInString(label.index))) continue;
    if (json === undefined && isQuoted && !isWhereKeysStand(text, label.index)) {
      // Quoted within a sentence, or within a string that JSON's rules no longer tell from the rest.
      readings.push("no list");
      continue;
    }
    const value = skip(text, label.index + written.length, SPACES);
    const reading = valueAt(text, value);
    // "Score: the edit is fine" assigns nothing; `score: 7` does.
    if (reading !== undefined) readings.push(reading);
    else if (isQuoted) readings.push("no list");
  }
  return readings;
}

/** After a brace, a comma, a fence, at the beginning, or a space behind a value whose comma was forgotten. */
function isWhereKeysStand(text: string, at: number): boolean {
  let before = at - 1;
  while (isOneOf(SPACES, text[before])) before -= 1;
  return (
    before < 0 || isOneOf("{,`|[(>:*", text[before]) || (before < at - 1 && isOneOf('"]}', text[before]))
  );
}

/** A list of numbers, also within further brackets or quotes; undefined where no value begins. */
function valueAt(text: string, at: number): Reading | undefined {
  let start = at;
  while (isOneOf("\"'*\\ ", text[start])) start += 1;
  for (let inner = start; isOneOf("[(", text[inner]); inner = skip(text, inner + 1, SPACES)) start = inner;
  const list = readNumberList(text, start);
  if ("numbers" in list) return list;
  return isOneOf('[({"', text[start]) ||
    /^(?:[\d.+-]|null|none|nan|true|false|inf)/i.test(text.slice(start, start + 8))
    ? "no list"
    : undefined;
}

/** Every list of numbers in square brackets. */
function bareLists(text: string, json: FoundJson | undefined): NumberList[] {
  const lists: NumberList[] = [];
  let at = text.indexOf("[");
  while (at >= 0) {
    const list = readNumberList(text, at);
    const isCounted = "numbers" in list && json?.isInString(at) !== true;
    if (isCounted) lists.push(list);
    at = text.indexOf("[", "numbers" in list ? list.end : Math.max(list.stoppedAt, at + 1));
  }
  return lists;
}

const FIGURE = /(?<![A-Za-z0-9_.])\d+(?:[.,]\d+)?(?![A-Za-z0-9_])/;
/** What stands before a list that is the value of a key. */
const KEY = /(\w+)\\?["']?\s*[:=]\s*[[({"'\s]*$/;
/** Keys that models write where they were asked for "score". */
const NAMES_OF_SCORES = /rat(?:e|ing)|grade|result|answer|output|evaluation|verdict/i;
/** No key is longer. */
const KEY_REACH = 64;

/** Whether no other number stands in the text, and no list is the value of a key that means something else. */
function isAlone(text: string, lists: readonly Reading[], json: FoundJson | undefined): boolean {
  const rest = text.split("").map((character, at) => (json?.isInString(at) === true ? " " : character));
  for (const list of lists) {
    if (list === "no list") continue;
    const [, key] = KEY.exec(text.slice(Math.max(0, list.start - KEY_REACH), list.start)) ?? [];
    if (key !== undefined && !NAMES_OF_SCORES.test(key)) return false;
    rest.fill(" ", list.start, list.end);
  }
  return !FIGURE.test(rest.join(""));
}

function skip(text: string, from: number, characters: string): number {
  let at = from;
  while (isOneOf(characters, text[at])) at += 1;
  return at;
}

function isSame(one: NumberList, other: NumberList): boolean {
  return (
    one.numbers.length === other.numbers.length &&
    one.numbers.every(({ value }, index) => value === other.numbers[index]!.value)
  );
}

/** The field `reasoning`, or what stands behind its name, or the whole reply. */
function reasoningOf(text: string, json: FoundJson | undefined): string {
  const field =
    typeof json?.value === "object" && json.value !== null && "reasoning" in json.value
      ? json.value.reasoning
      : undefined;
  if (typeof field === "string") return field.trim().slice(0, LONGEST_REASONING);
  const name = /["']?reasoning["']?\s{0,9}[:=]\s{0,9}["']?/i.exec(text);
  const rest = name === null ? text : text.slice(name.index + name[0].length);
  return rest
    .slice(0, LONGEST_REASONING)
    .replace(/["'\s},`|]{0,20}$/, "")
    .trim();
}

/** The beginning of what was said, for a message. */
function excerpt(text: string): string {
  const line = text.trim().slice(0, 160).replaceAll(/\s+/g, " ");
  return JSON.stringify(text.trim().length > 160 ? `${line}…` : line);
}
