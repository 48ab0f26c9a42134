/**
 * From a judge's reply to its two scores. The reply was asked for as `{"score": [7, 8], "reasoning": "…"}`, and comes as
 * a model writes it: fenced, cut off, with quotes that nobody escaped, with prose around it, or as nothing of the kind.
 *
 * Scores are taken only where no other reading is possible: what is labelled `score` decides, and everything that is
 * must agree; where nothing is, the only list of numbers does. Anything else is unparsable, to be asked again: a score
 * that was guessed would be trained on.
 */

import { areAnswers, bareLists, type BareText } from "./bare-lists.ts";
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
const SPACES = " ";

/** The word, in quotes or not (escaped ones too), and what assigns to it. */
const LABEL = /(\\?["'“”])?(?<![A-Za-z0-9_])scores?(?![A-Za-z0-9_])(\\?["'“”])?[ ]*([:=])?/gi;
/** "final_score": a second opinion, where it is a list. */
const OTHER_LABEL = /[A-Za-z0-9]_scores?\\?["'“”]?[ ]*[:=]/gi;

/** Two numbers within 0…10, if the reply leaves no doubt about them. Takes time linear in the reply's length. */
export function parseScores(reply: string): ParsedReply {
  const answer = withoutThinking(reply);
  const text = plainly(answer.text);
  if (text.trim() === "") return unparsable("the reply is empty");
  const json = findJson(text);
  const labelled = labelledLists(text, json);
  const bare: BareText = { text, written: answer.text, isInString: (at) => json?.isInString(at) === true };
  const unlabelled = labelled.length > 0 ? [] : bareLists(bare);
  if (unlabelled.length > 0 && !areAnswers(bare, unlabelled)) {
    return unparsable(`numbers that nothing calls a score: ${excerpt(text)}`);
  }
  const [first, ...others] = [...labelled, ...unlabelled];
  if (first === undefined) return unparsable(`no scores in the reply: ${excerpt(text)}`);
  if (first === "no list") return unparsable(`the score is no list of two numbers: ${excerpt(text)}`);
  if (others.some((other) => other === "no list" || !isSame(first, other))) {
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

/** White space, control characters and what is too narrow to see. Line breaks inside of JSON strings are a common fault. */
const BLANK = /[\s\p{Cc}\u200B\u2060]/gu;
/** Figures and marks as Chinese and Japanese are typed with; the ideographic comma lies apart. */
const WIDE = /[\uFF08-\uFF0F\uFF10-\uFF1D\uFF3B\uFF3D\uFF5B\uFF5D\u3001]/g;
/** From a wide character to that of ASCII. */
const WIDE_BY = 0xfe_e0;

/** The text with every blank a space and wide figures narrow, each character where it was. */
function plainly(written: string): string {
  return written
    .replaceAll(BLANK, " ")
    .replaceAll(WIDE, (wide) =>
      wide === "\u3001" ? "," : String.fromCodePoint(wide.codePointAt(0)! - WIDE_BY),
    );
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
  if (readings.length > 0) readings.push(...otherLists(text, json));
  return readings;
}

/** Lists under names that end in `_score`, which must not contradict what is called `score`. */
function otherLists(text: string, json: FoundJson | undefined): NumberList[] {
  return [...text.matchAll(OTHER_LABEL)].flatMap(({ 0: written, index }) => {
    const end = index + written.length;
    if (json?.isInString(end - 1) === true) return [];
    const reading = valueAt(text, skip(text, end, SPACES));
    return reading === undefined || reading === "no list" ? [] : [reading];
  });
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
  while (isOneOf("\"'“”*\\ ", text[start])) start += 1;
  const outer = start;
  for (let inner = start; isOneOf("[(", text[inner]); inner = skip(text, inner + 1, SPACES)) start = inner;
  const list = readNumberList(text, start);
  // A second member of the list around it would be another reading.
  const isOnly = start === outer || isOneOf("])", text[skip(text, "end" in list ? list.end : start, ", ")]);
  if ("numbers" in list) return isOnly ? list : "no list";
  return isOneOf('[({"', text[start]) ||
    /^(?:[\d.+-]|null|none|nan|true|false|inf)/i.test(text.slice(start, start + 8))
    ? "no list"
    : undefined;
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
