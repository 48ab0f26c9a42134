/** Where each record of a text file lies, found in one pass without reading what it says. */

import { DataError } from "../../errors.ts";
import type { ByteSource } from "./byte-source.ts";

export interface TextFormat {
  /** JSON values a line each, one JSON array, or rows whose cells a delimiter parts. */
  readonly kind: "lines" | "array" | "csv";
  readonly delimiter?: string;
}

const CHUNK_BYTES = 2 ** 20;

const [NEWLINE, QUOTE, BACKSLASH, COMMA] = [0x0a, 0x22, 0x5c, 0x2c] as const;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);
const SPACE = new Set([0x20, 0x09, 0x0d, 0x0a]);

/** Start and end of each record, one after the other; blank ones are left out. Throws DataError for an array that is cut off. */
export async function recordBounds(source: ByteSource, format: TextFormat): Promise<Float64Array> {
  const bounds = new Growing();
  const scanner =
    format.kind === "array" ? new ArrayScanner(bounds) : new LineScanner(bounds, format.kind === "csv");
  for (let at = 0; at < source.byteLength; at += CHUNK_BYTES) {
    scanner.take(await source.read(at, Math.min(at + CHUNK_BYTES, source.byteLength)), at);
  }
  if (!scanner.isComplete(source.byteLength)) {
    throw new DataError(`${source.path} is cut off: its list of records does not end.`, {
      hint: "Fetch it again.",
    });
  }
  return bounds.values();
}

/** Numbers that are added one by one, eight bytes each. */
class Growing {
  #values = new Float64Array(1024);
  #length = 0;

  add(start: number, end: number): void {
    if (this.#length + 2 > this.#values.length) {
      const larger = new Float64Array(2 * this.#values.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length] = start;
    this.#values[this.#length + 1] = end;
    this.#length += 2;
  }

  values(): Float64Array {
    return this.#values.slice(0, this.#length);
  }
}

class LineScanner {
  readonly #bounds: Growing;
  readonly #quotes: boolean;
  #start = 0;
  #isBlank = true;
  #isQuoted = false;

  /** With `quotes`, a newline within double quotes ends no record. */
  constructor(bounds: Growing, quotes: boolean) {
    this.#bounds = bounds;
    this.#quotes = quotes;
  }

  take(bytes: Uint8Array, offset: number): void {
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at]!;
      if (byte === NEWLINE && !this.#isQuoted) {
        this.#end(offset + at);
        this.#start = offset + at + 1;
      } else {
        if (byte === QUOTE && this.#quotes) this.#isQuoted = !this.#isQuoted;
        if (this.#isBlank && !SPACE.has(byte)) this.#isBlank = false;
      }
    }
  }

  isComplete(length: number): boolean {
    this.#end(length);
    return true;
  }

  #end(end: number): void {
    if (!this.#isBlank) this.#bounds.add(this.#start, end);
    this.#isBlank = true;
  }
}

class ArrayScanner {
  readonly #bounds: Growing;
  #depth = 0;
  #isString = false;
  #isEscaped = false;
  /** Of the element that is open; −1 between elements. */
  #start = -1;

  constructor(bounds: Growing) {
    this.#bounds = bounds;
  }

  take(bytes: Uint8Array, offset: number): void {
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at]!;
      if (this.#isString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === BACKSLASH) this.#isEscaped = true;
        else if (byte === QUOTE) this.#isString = false;
        continue;
      }
      if (this.#depth === 1 && (byte === COMMA || CLOSING.has(byte))) this.#end(offset + at);
      else if (this.#depth === 1 && this.#start < 0 && !SPACE.has(byte)) this.#start = offset + at;
      if (byte === QUOTE) this.#isString = true;
      else if (OPENING.has(byte)) this.#depth += 1;
      else if (CLOSING.has(byte)) this.#depth -= 1;
    }
  }

  isComplete(): boolean {
    return this.#depth === 0 && !this.#isString;
  }

  #end(end: number): void {
    if (this.#start >= 0) this.#bounds.add(this.#start, end);
    this.#start = -1;
  }
}
