/** A paper as text: read from a file, and cut into parts that fit a model's context. */

import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { basename, extname } from "node:path";

import { DataError } from "../errors.ts";
import { QuotableText } from "./find-quote.ts";

export interface Paper {
  /** The file's name without its ending: what labels call the paper. */
  readonly id: string;
  readonly text: string;
  /** Of the file's bytes, in hexadecimal. */
  readonly sha256: string;
  readonly quotable: QuotableText;
}

/** A book has a few million; what is larger is no paper. */
const MOST_BYTES = 20_000_000;
/** A part repeats so much of the one before it, so that no passage is cut in two. */
const OVERLAP = 600;
const MARKDOWN = new Set([".md", ".markdown"]);
const PLAIN = new Set([".txt", ".text", ""]);

/** Throws DataError for a file that is missing, empty, too large, or no text. */
export function readPaper(path: string): Paper {
  const ending = extname(path).toLowerCase();
  const bytes = readBytes(path);
  if (!MARKDOWN.has(ending) && !PLAIN.has(ending)) {
    throw new DataError(`${path} is neither .txt nor .md.`, {
      hint:
        ending === ".pdf"
          ? `Take the text out of it first, with \`pdftotext "${path}"\` for example.`
          : "Give the paper's text in a .txt or .md file.",
    });
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new DataError(`${path} is not UTF-8 text.`, {
      hint: "Store it as UTF-8, with `iconv -t UTF-8` for example.",
    });
  }
  if (text.includes("\0")) throw new DataError(`${path} holds bytes that are no text.`);
  if (!/\p{L}/u.test(text)) throw new DataError(`${path} holds no words.`, { hint: "Is it a scan?" });
  const unified = text.replaceAll(/\r\n?/g, "\n");
  return {
    id: basename(path, extname(path)),
    text: unified,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    quotable: new QuotableText(unified, MARKDOWN.has(ending)),
  };
}

function readBytes(path: string): Uint8Array {
  try {
    const { size } = statSync(path);
    if (size > MOST_BYTES) {
      throw new DataError(`${path} has ${size} bytes, more than the ${MOST_BYTES} of any paper.`);
    }
    return readFileSync(path);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError(`${path} cannot be read.`, { hint: "Give the file of a paper's text.", cause });
  }
}

/**
 * Parts of at most so many characters, which together are the text; each one begins with the end of the one before it.
 * They end where a paragraph does, else a line, a sentence or a word, if one ends in the last third.
 *
 * @example
 * partsOf("abc def", 100); // => ["abc def"]
 */
export function partsOf(text: string, most: number): string[] {
  const overlap = Math.min(OVERLAP, Math.floor(most / 4));
  const parts: string[] = [];
  for (let start = 0; ;) {
    if (text.length - start <= most) {
      parts.push(text.slice(start));
      return parts;
    }
    const end = start + goodEnd(text.slice(start, start + most));
    parts.push(text.slice(start, end));
    start = wordStart(text, Math.max(start + 1, end - overlap), end);
  }
}

function goodEnd(piece: string): number {
  const least = Math.ceil((2 * piece.length) / 3);
  for (const mark of ["\n\n", "\n", ". ", " "]) {
    const at = piece.lastIndexOf(mark);
    if (at + mark.length >= least) return at + mark.length;
  }
  // No half of a character that takes two places.
  return /[\uD800-\uDBFF]$/.test(piece) ? piece.length - 1 : piece.length;
}

/** The first space from a place on, or that place; never beyond `end`, where the part before it ended. */
function wordStart(text: string, from: number, end: number): number {
  const at = text.slice(from, Math.min(from + 100, end)).search(/\s/);
  if (at >= 0) return from + at;
  return /[\uDC00-\uDFFF]/.test(text[from] ?? "") ? from + 1 : from;
}
