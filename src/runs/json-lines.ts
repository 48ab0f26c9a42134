/**
 * A file of one JSON object a line that grows while work goes on. A process that was killed while it wrote leaves a line
 * without its end: that line is taken off, and its work is done again.
 */

import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";

import type { z } from "zod";

import { DataError } from "../errors.ts";
import { writeFault } from "./atomic-write.ts";

export class JsonLines<Entry> {
  readonly path: string;
  /** What was in the file when it was opened, then what was added. */
  readonly entries: Entry[];

  private constructor(path: string, entries: Entry[]) {
    this.path = path;
    this.entries = entries;
  }

  /** Throws DataError for a line that is none of these entries. The file is made when the first one is added. */
  static open<Entry>(path: string, schema: z.ZodType<Entry>): JsonLines<Entry> {
    if (!existsSync(path)) return new JsonLines<Entry>(path, []);
    const text = readFileSync(path, "utf8");
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole));
    return new JsonLines(path, parsed(path, whole, schema));
  }

  /** Throws DataError or EngineError where it cannot be written. */
  add(entry: Entry): void {
    try {
      appendFileSync(this.path, `${JSON.stringify(entry)}\n`);
    } catch (error) {
      throw writeFault(error, this.path);
    }
    this.entries.push(entry);
  }
}

/**
 * The entries of a file that somebody may have written by hand: its last line needs no end. Throws DataError that names
 * the file and the line which is none.
 */
export function readJsonLines<Entry>(path: string, schema: z.ZodType<Entry>, hint?: string): Entry[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new DataError(`Cannot read ${path}.`, { hint: "Check the path.", cause });
  }
  return parsed(path, text.replace(/^\uFEFF/, ""), schema, hint);
}

function parsed<Entry>(path: string, text: string, schema: z.ZodType<Entry>, hint?: string): Entry[] {
  return text
    .split("\n")
    .flatMap((line, index) =>
      line.trim() === "" ? [] : [parsedLine(`${path}:${index + 1}`, line, schema, hint)],
    );
}

/** The entry that a line holds. Throws DataError that names `place` where it holds none. */
export function parsedLine<Entry>(
  place: string,
  line: string,
  schema: z.ZodType<Entry>,
  hint?: string,
): Entry {
  const details = hint === undefined ? {} : { hint };
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    throw new DataError(`${place} is not JSON.`, { ...details, cause });
  }
  const entry = schema.safeParse(json);
  if (entry.success) return entry.data;
  const [issue] = entry.error.issues;
  const where = issue?.path.join(".") ?? "";
  throw new DataError(
    `${place}: ${where === "" ? "" : `${where}: `}${issue?.message ?? "is no such entry"}.`,
    details,
  );
}
