/**
 * Thoughts beside a dataset: a file of one JSON object a line, joined with the rows by their ids. It grows while thoughts
 * are written, so its lines come in any order, and a line that a killed process left without an end is none.
 */

import { createReadStream, type Stats } from "node:fs";
import { appendFile, open, stat, truncate, type FileHandle } from "node:fs/promises";

import { z } from "zod";

import { DataError } from "../../errors.ts";

export const ThoughtRow = z.looseObject({
  /** Of the row that it belongs to. */
  id: z.string().min(1),
  /** Its parts by name, in the order they are read; or one text. */
  thought: z.union([z.string().min(1), z.record(z.string(), z.string())]),
  /** Width and height of the source picture, whose pixels boxes are counted in. */
  size: z.tuple([z.int(), z.int()]).optional(),
  /** Model and hash of the question. */
  by: z.string().optional(),
});
export type ThoughtRow = z.infer<typeof ThoughtRow>;

interface Line {
  readonly start: number;
  readonly length: number;
}

const NEWLINE = 0x0a;

/** Places of the lines by id, the last one of each; texts are read as they are asked for. */
export class ThoughtFile {
  readonly path: string;
  readonly #lines: Map<string, Line>;
  /** Bytes of the whole lines. */
  #end: number;

  private constructor(path: string, lines: Map<string, Line>, end: number) {
    this.path = path;
    this.#lines = lines;
    this.#end = end;
  }

  /**
   * Reads where the thoughts lie. With `writes` a file that is not there is begun, and a line that was cut off taken away.
   * Throws DataError for a file that is missing or holds something else.
   */
  static async open(path: string, { writes = false } = {}): Promise<ThoughtFile> {
    const about = await stat(path).catch(() => undefined);
    if (about === undefined || !about.isFile()) {
      if (about === undefined && writes) return new ThoughtFile(path, new Map(), 0);
      throw new DataError(
        `${path} is no file of thoughts: there is ${about === undefined ? "nothing" : "a folder"}.`,
        {
          hint: "`earl data think` writes one.",
        },
      );
    }
    const { lines, end } = await readLines(path, about);
    if (writes && end < about.size) await truncate(path, end);
    return new ThoughtFile(path, lines, end);
  }

  get count(): number {
    return this.#lines.size;
  }

  has(id: string): boolean {
    return this.#lines.has(id);
  }

  /** The rows of these ids; undefined for each that the file lacks. */
  async read(ids: readonly string[]): Promise<(ThoughtRow | undefined)[]> {
    const wanted = ids.map((id) => this.#lines.get(id));
    if (wanted.every((line) => line === undefined)) return wanted.map(() => undefined);
    await using file = await open(this.path);
    const rows: (ThoughtRow | undefined)[] = [];
    for (const line of wanted) rows.push(line === undefined ? undefined : await rowAt(file, line, this.path));
    return rows;
  }

  /** Adds a row at the end. One at a time. Throws DataError where it cannot be written. */
  async add(row: ThoughtRow): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(row)}\n`);
    try {
      await appendFile(this.path, bytes);
    } catch (cause) {
      throw new DataError(
        `Cannot write ${this.path}: ${cause instanceof Error ? cause.message : String(cause)}.`,
        {
          hint: "Free some space; the same command goes on from here.",
          cause,
        },
      );
    }
    this.#lines.set(row.id, { start: this.#end, length: bytes.length - 1 });
    this.#end += bytes.length;
  }
}

async function readLines(path: string, { size }: Stats): Promise<{ lines: Map<string, Line>; end: number }> {
  const lines = new Map<string, Line>();
  let rest = Buffer.alloc(0);
  let start = 0;
  let number = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    const bytes = Buffer.concat([rest, chunk as Buffer]);
    let from = 0;
    for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, from)) {
      number += 1;
      const text = bytes.toString("utf8", from, at);
      if (text.trim() !== "") {
        lines.set(parseRow(text, `${path}:${number}`).id, { start: start + from, length: at - from });
      }
      from = at + 1;
    }
    rest = bytes.subarray(from);
    start += from;
  }
  const last = rest.toString("utf8");
  if (last.trim() === "") return { lines, end: start };
  // A file written by hand may lack the last line's end; one that was cut off is no JSON.
  if (isJson(last)) {
    lines.set(parseRow(last, `${path}:${number + 1}`).id, { start, length: rest.length });
    return { lines, end: size };
  }
  if (number === 0) parseRow(last, `${path}:1`);
  return { lines, end: start };
}

async function rowAt(file: FileHandle, { start, length }: Line, path: string): Promise<ThoughtRow> {
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, start);
  return parseRow(bytes.toString("utf8"), path);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function parseRow(text: string, place: string): ThoughtRow {
  const hint =
    'One JSON object a line: {"id": "…", "thought": {"describe": "…", …}}; `earl data think` writes them.';
  if (!isJson(text)) throw new DataError(`${place} is not JSON.`, { hint });
  const row = ThoughtRow.safeParse(JSON.parse(text));
  if (row.success) return row.data;
  const [issue] = row.error.issues;
  throw new DataError(`${place} is no thought: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}.`, {
    hint,
  });
}
