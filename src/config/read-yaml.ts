/** YAML that somebody wrote, as plain values: bounded in size and depth, its faults with line and column. */

import { closeSync, openSync, readSync } from "node:fs";

import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type DocumentOptions,
  type ParseOptions,
  type SchemaOptions,
} from "yaml";

import { printable } from "../format.ts";
import { isRecord, isReserved } from "./raw-settings.ts";

/** No config comes near; a device or a dataset given in its place goes beyond. */
const MOST_BYTES = 256 * 1024;
const MOST_DEPTH = 32;
/** Values after aliases are written out: a few hundred bytes of them can stand for billions. */
const MOST_VALUES = 20_000;

/** What is wrong with a text, a sentence a fault: "3:1: Map keys must be unique". */
export class YamlFaults extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.name = "YamlFaults";
    this.faults = faults;
  }
}

/** A text that was read. */
export interface YamlText {
  /** No value in it is shared with another, whatever aliases the text has. */
  readonly value: unknown;
  /** Line of a key, or of the nearest group around it that is there, from 1; undefined where there is none. */
  lineOf(path: readonly string[]): number | undefined;
}

/** The file as text. Throws YamlFaults for what is too large or no text, and what the system says where it cannot be read. */
export function readTextFile(path: string): string {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(MOST_BYTES + 1);
    let length = 0;
    for (;;) {
      const read = readSync(file, bytes, length, bytes.length - length, null);
      length += read;
      if (read === 0 || length === bytes.length) break;
    }
    if (length > MOST_BYTES) throw new YamlFaults([`it is larger than ${MOST_BYTES / 1024} KiB`]);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length));
  } catch (error) {
    if (error instanceof TypeError) throw new YamlFaults(["it is not UTF-8 text"]);
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Throws YamlFaults for a text that is not valid, or that stands for more than a config could be. */
export function parseYaml(text: string): YamlText {
  const lines = new LineCounter();
  const options: ParseOptions & DocumentOptions & SchemaOptions = {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: "error",
  };
  let document: Document;
  let value: unknown;
  try {
    document = parseDocument(text, options);
    refuseFaults(document, lines);
    value = plain(document.toJS(), { left: MOST_VALUES }, 0);
  } catch (error) {
    if (error instanceof YamlFaults) throw error;
    // The library recurses into what is nested, and counts aliases itself.
    if (error instanceof RangeError) throw new YamlFaults(["it is nested too deeply"]);
    if (error instanceof ReferenceError) {
      const isTooMuch = error.message.startsWith("Excessive alias count");
      throw new YamlFaults([isTooMuch ? "its aliases stand for too much" : printable(error.message)]);
    }
    throw error;
  }
  return {
    value,
    lineOf(path) {
      const offset = offsetOf(document.contents, path);
      return offset === undefined ? undefined : lines.linePos(offset).line;
    },
  };
}

function refuseFaults(document: Document, lines: LineCounter): void {
  // A warning is an unknown tag: the value would be taken without what the tag says about it.
  const faults = [...document.errors, ...document.warnings].map(({ pos, message }) => {
    const { line, col } = lines.linePos(pos[0]);
    return `${line}:${col}: ${printable(message)}`;
  });
  if (faults.length > 0) throw new YamlFaults(faults);
}

/** A copy in which nothing is shared, so that changing one place changes no other. */
function plain(value: unknown, budget: { left: number }, depth: number): unknown {
  budget.left -= 1;
  if (budget.left < 0) throw new YamlFaults([`it stands for more than ${MOST_VALUES} values`]);
  if (depth > MOST_DEPTH) throw new YamlFaults([`it is nested more than ${MOST_DEPTH} deep`]);
  if (Array.isArray(value)) return value.map((entry) => plain(entry, budget, depth + 1));
  if (!isRecord(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) {
    if (isReserved(key)) throw new YamlFaults([`"${key}" is not a setting`]);
    copy[key] = plain(inner, budget, depth + 1);
  }
  return copy;
}

function offsetOf(contents: unknown, path: readonly string[]): number | undefined {
  let node = contents;
  let offset: number | undefined;
  for (const name of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === name);
      if (pair === undefined || !isScalar(pair.key)) break;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const entry = node.items[Number(name)];
      if (entry === undefined) break;
      node = entry;
      offset = rangeStart(entry) ?? offset;
    } else break;
  }
  return offset;
}

function rangeStart(node: unknown): number | undefined {
  return isMap(node) || isSeq(node) || isScalar(node) ? node.range?.[0] : undefined;
}
