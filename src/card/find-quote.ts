/**
 * Where a quote stands in a text. A model copies words, not typesetting: white space, line ends with their hyphens,
 * ligatures, accents in two parts, dashes, quotation marks and the marks of Markdown may differ. Words, figures and
 * capitals may not.
 */

/** One thing to match, and where it stands in the text. */
interface Unit {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** May be left out by the quote: a hyphen that may cut a word at a line's end, a mark of Markdown. */
  readonly isOptional: boolean;
  /** A hyphen at a line's end; the break behind it is no unit. */
  readonly isLineEnd: boolean;
}

export interface FoundQuote {
  /** As it stands in the text. */
  readonly text: string;
  /** Of its first character, from 0. */
  readonly start: number;
  /** Of its first line, from 1. */
  readonly line: number;
}

/** Fewer letters and digits than this prove nothing. */
const LEAST_LETTERS = 8;
const LETTER = /[\p{L}\p{N}]/u;

const LIGATURES: Readonly<Record<string, string>> = {
  ﬀ: "ff",
  ﬁ: "fi",
  ﬂ: "fl",
  ﬃ: "ffi",
  ﬄ: "ffl",
  ﬅ: "st",
  ﬆ: "st",
};
/** Written by nobody and seen by nobody: soft hyphens, joiners, marks of byte order. */
const INVISIBLE = /^[\u00AD\u200B-\u200D\u2060\uFEFF]$/;
const SINGLE_QUOTE = /^['`´‘’‚‛′]$/;
const DOUBLE_QUOTE = /^["“”„‟″«»]$/;
const DASH = /^[-‐‑‒–—―−]$/;

/** Text that quotes are looked for in. */
export class QuotableText {
  readonly #text: string;
  readonly #isMarkdown: boolean;
  readonly #units: readonly Unit[];
  /** Letters and figures of the units as one string: what a match must have, and is quick to be found by. */
  readonly #letters: string;
  /** Which unit each of them is. */
  readonly #places: readonly number[];

  /** `isMarkdown` lets quotes leave out its marks. */
  constructor(text: string, isMarkdown = false) {
    this.#text = text;
    this.#isMarkdown = isMarkdown;
    this.#units = unitsOf(text, isMarkdown);
    this.#letters = lettersOf(this.#units);
    this.#places = this.#units.flatMap(({ text: own }, place) =>
      LETTER.test(own) ? Array.from({ length: own.length }, () => place) : [],
    );
  }

  /** The first place where a quote stands, or why it is refused. */
  find(quote: string): FoundQuote | string {
    const units = unitsOf(withoutFrame(quote), this.#isMarkdown);
    const letters = lettersOf(units);
    if (letters === "") return "there is no quote";
    const wanted = units.slice(units.findIndex(({ text }) => LETTER.test(text))).map(({ text }) => text);
    for (let at = -1; (at = this.#letters.indexOf(letters, at + 1)) >= 0;) {
      const place = this.#places[at]!;
      const end = this.#matchedTo(place, wanted);
      if (end === undefined || !this.#isEdge(place - 1, place) || !this.#isEdge(end - 1, end)) continue;
      if (letters.length < LEAST_LETTERS) {
        return `the quote ${shown(quote)} is too short to show anything`;
      }
      const { start } = this.#units[place]!;
      return {
        text: this.#text.slice(start, this.#units[end - 1]!.end),
        start,
        line: this.#text.slice(0, start).split("\n").length,
      };
    }
    return `the quote does not occur in the text: ${shown(quote)}`;
  }

  /** The place behind a match that begins at a place; undefined where there is none. */
  #matchedTo(place: number, wanted: readonly string[]): number | undefined {
    let ends = new Set([place]);
    for (const [index, text] of wanted.entries()) {
      const next = new Set<number>();
      for (const at of ends) {
        // A quote may keep the break behind a hyphen at a line's end, as a space.
        if (text === " " && this.#units[at - 1]?.isLineEnd === true) next.add(at);
        // What is optional may be passed over, but no match begins or ends with that.
        for (let here = at; here < this.#units.length; here += 1) {
          const unit = this.#units[here]!;
          if (unit.text === text) next.add(here + 1);
          if (!unit.isOptional || index === 0) break;
        }
      }
      if (next.size === 0) return undefined;
      ends = next;
    }
    return Math.min(...ends);
  }

  /** False where a word goes on from one place to the other. */
  #isEdge(before: number, after: number): boolean {
    const [one, other] = [this.#units[before], this.#units[after]];
    return !(one !== undefined && other !== undefined && LETTER.test(one.text) && LETTER.test(other.text));
  }
}

function lettersOf(units: readonly Unit[]): string {
  return units
    .map(({ text }) => text)
    .filter((text) => LETTER.test(text))
    .join("");
}

/** Quotation marks and dots that a model puts around what it quotes. */
function withoutFrame(quote: string): string {
  return quote
    .trim()
    .replace(/^["'“”‘’«»„\s]+|["'“”‘’«»\s]+$/gu, "")
    .replace(/^(?:\.{3}|…|\[…\]|\[\.{3}\])\s*|\s*(?:\.{3}|…|\[…\]|\[\.{3}\])$/gu, "");
}

function unitsOf(text: string, isMarkdown: boolean): Unit[] {
  const units: Unit[] = [];
  const add = (own: string, start: number, end: number, isOptional = false): void => {
    units.push({ text: own, start, end, isOptional, isLineEnd: false });
  };
  // A run of white space, or a character with the accents that are written behind it.
  for (const { 0: piece, index: start } of text.matchAll(/\s+|\P{M}\p{M}*|\p{M}/gsu)) {
    const end = start + piece.length;
    const last = units.at(-1);
    if (INVISIBLE.test(piece)) continue;
    if (/^\s/.test(piece)) {
      const [before, after] = [units.at(-2)?.text ?? "", text[end] ?? ""];
      if (last?.text === "-" && piece.includes("\n") && LETTER.test(before) && LETTER.test(after)) {
        // It may be the word's own, or only cut it; between figures it stands for a range.
        units[units.length - 1] = { ...last, isOptional: !/\p{N}/u.test(before + after), isLineEnd: true };
      } else if (last !== undefined && !isWithinControl(last.text, text.slice(end, end + 6))) {
        if (last.text !== " ") add(" ", start, end);
      }
    } else if (DASH.test(piece)) {
      // LaTeX writes a dash as two or three hyphens.
      if (last?.text === "-" && last.end === start) units[units.length - 1] = { ...last, end };
      else add("-", start, end);
    } else if (isMarkdown && isMark(piece, text, start)) add(piece, start, end, true);
    else if (DOUBLE_QUOTE.test(piece)) {
      add("'", start, end);
      add("'", start, end);
    } else if (SINGLE_QUOTE.test(piece)) add("'", start, end);
    else for (const own of LIGATURES[piece] ?? [piece.normalize("NFC")]) add(own, start, end);
  }
  if (units.at(-1)?.text === " ") units.pop();
  return units;
}

/** Emphasis, code and escapes of Markdown; an underscore within a word is the word's. */
function isMark(piece: string, text: string, at: number): boolean {
  if (piece === "_") return !(LETTER.test(text[at - 1] ?? "") && LETTER.test(text[at + 1] ?? ""));
  return piece === "*" || piece === "`" || piece === "\\";
}

/** Where judge/as-data.ts takes control tokens apart by a space, which the text itself does not have. */
function isWithinControl(last: string, following: string): boolean {
  switch (last) {
    case "<":
      return /^[|/A-Za-z\uFF5C]/.test(following);
    case "|":
      return following.startsWith(">");
    case "[":
      return /^\/?INST\]/.test(following);
    default:
      return false;
  }
}

function shown(quote: string): string {
  const line = quote.replaceAll(/\s+/g, " ").trim();
  return JSON.stringify(line.length > 160 ? `${line.slice(0, 160)}…` : line);
}
