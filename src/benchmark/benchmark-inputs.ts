/**
 * What a benchmark asks for, as files: `inputs/<benchmark>/` holds its source pictures (bytes as published), instructions,
 * targets and masks once, so that edits are made and scored without its dataset, elsewhere too.
 */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import { isBroken, type EditDataset, type EditExample } from "../data/edit-dataset.ts";
import { ConfigError, DataError } from "../errors.ts";
import type { MeasuredEdit } from "../evaluate/benchmark.ts";
import { decodePicture } from "../images/codec.ts";
import { readPictureFile } from "../images/picture-file.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { readJson } from "../runs/run-directory.ts";
import { makeFolders } from "../runs/writable-place.ts";
import { JsonLines, readJsonLines } from "../runs/json-lines.ts";

const ABOUT_FILE = "about.json";
const ITEMS_FILE = "items.jsonl";
/** Examples read at a time. */
const READ_AT_ONCE = 16;

export const Captions = z.object({
  source: z.string().exactOptional(),
  target: z.string().exactOptional(),
  local: z.string().exactOptional(),
});
export const Expected = z.object({
  style: z.string().exactOptional(),
  question: z.object({ text: z.string(), answer: z.string() }).exactOptional(),
});

const InputItem = z.object({
  /** Its row, from 0. */
  number: z.int().min(0),
  id: z.string(),
  task: z.string(),
  instruction: z.string(),
  /** Names of pictures in the folder. */
  source: z.string(),
  target: z.string().exactOptional(),
  mask: z.string().exactOptional(),
  captions: Captions.exactOptional(),
  expected: Expected.exactOptional(),
});
export type InputItem = z.infer<typeof InputItem>;
const BrokenItem = z.object({ number: z.int().min(0), origin: z.string(), broken: z.string() });
const InputLine = z.union([InputItem, BrokenItem]);
type InputLine = z.infer<typeof InputLine>;

const InputsAbout = z.object({
  version: z.literal(1),
  name: z.string(),
  /** The benchmark as the settings choose it. */
  choice: z.looseObject({ kind: z.string() }),
  /** Rows that it has. */
  rows: z.int().min(0),
  /** Of these, how many were wanted, from the first on. */
  wanted: z.int().min(0),
  /** True where its rows need not be those that everybody measures on. */
  isPartial: z.boolean(),
  /** True when everything that was wanted is there. */
  isComplete: z.boolean(),
});
export type InputsAbout = z.infer<typeof InputsAbout>;

/** A benchmark's edits as measures see them, by row. */
export interface BenchmarkInputs {
  readonly about: InputsAbout;
  readonly folder: string;
  readonly items: readonly InputItem[];
  /** Rows that cannot be read: nobody can be measured on them. */
  readonly broken: readonly { readonly origin: string; readonly broken: string }[];
}

/** Whether the figures of these edits may stand beside those of others. */
export function isWhole({ about, broken }: Pick<BenchmarkInputs, "about" | "broken">): boolean {
  return !about.isPartial && about.wanted === about.rows && broken.length === 0;
}

/** What was written there; undefined where nothing was, or not to its end. Throws DataError where it is damaged. */
export function readInputs(folder: string): BenchmarkInputs | undefined {
  const about = readAbout(folder);
  if (about?.isComplete !== true) return undefined;
  const lines = readJsonLines(join(folder, ITEMS_FILE), InputLine);
  return {
    about,
    folder,
    items: lines.filter((line) => "id" in line),
    broken: lines.filter((line) => "broken" in line),
  };
}

function readAbout(folder: string): InputsAbout | undefined {
  const path = join(folder, ABOUT_FILE);
  if (!existsSync(path)) return undefined;
  const about = InputsAbout.safeParse(readJson(path));
  if (about.success) return about.data;
  throw new DataError(`${path} was not written by this version of earl.`, {
    hint: "Choose another folder, or move it away; nothing of yours is replaced.",
  });
}

export interface InputsRequest {
  readonly folder: string;
  readonly name: string;
  readonly choice: { readonly kind: string };
  readonly isPartial: boolean;
  readonly open: () => Promise<EditDataset>;
  /** Rows that are wanted, from the first on; all unless given. */
  readonly size?: number | undefined;
  readonly signal: AbortSignal;
  readonly onItem: (done: number, total: number) => void;
}

/**
 * Writes what is not there yet. Throws ConfigError where the folder holds another benchmark's edits, DataError where no
 * row can be read.
 */
export async function writeInputs(request: InputsRequest): Promise<BenchmarkInputs> {
  const { folder, name, choice, isPartial, size, signal, onItem } = request;
  const earlier = readAbout(folder);
  if (earlier !== undefined) requireSame(folder, earlier, choice);
  if (earlier?.isComplete === true && earlier.wanted >= Math.min(size ?? Infinity, earlier.rows)) {
    return readInputs(folder)!;
  }
  const dataset = await request.open();
  if (earlier !== undefined && earlier.rows !== dataset.count) throw changed(folder, earlier, dataset);
  const wanted = Math.min(size ?? dataset.count, dataset.count);
  const about: InputsAbout = {
    version: 1,
    name,
    choice,
    rows: dataset.count,
    wanted,
    isPartial,
    isComplete: false,
  };
  makeFolders(folder);
  writeAbout(folder, about);
  const lines = JsonLines.open(join(folder, ITEMS_FILE), InputLine);
  const ids = new Map<string, number>();
  for (const line of lines.entries) if ("id" in line) ids.set(line.id, line.number);
  for (let start = lines.entries.length; start < wanted;) {
    const length = Math.min(READ_AT_ONCE, wanted - start);
    const rows = await dataset.read(Array.from({ length }, (_, index) => start + index));
    const written = await Promise.all(
      rows.map(async (row, index) =>
        isBroken(row)
          ? { number: start + index, origin: row.origin, broken: row.broken }
          : writeItem(folder, start + index, row),
      ),
    );
    for (const line of written) {
      signal.throwIfAborted();
      lines.add("id" in line ? withOwnId(line, ids) : line);
      onItem(lines.entries.length, wanted);
    }
    start += length;
  }
  if (ids.size === 0) {
    const [first] = lines.entries;
    const why = first !== undefined && "broken" in first ? `: ${first.origin}: ${first.broken}` : "";
    throw new DataError(`No row of ${dataset.directory} can be measured on${why}.`, {
      hint: "Fetch or repair the dataset, or open it in the layout that has its pictures.",
    });
  }
  writeAbout(folder, { ...about, isComplete: true });
  return readInputs(folder)!;
}

function writeAbout(folder: string, about: InputsAbout): void {
  writeFileAtomically(join(folder, ABOUT_FILE), `${JSON.stringify(about, null, 2)}\n`);
}

/** Where two rows share an id the later one gets one of its own. */
function withOwnId(item: InputItem, ids: Map<string, number>): InputItem {
  const id = ids.has(item.id) ? `${item.id}#${item.number}` : item.id;
  ids.set(id, item.number);
  return { ...item, id };
}

async function writeItem(folder: string, number: number, example: EditExample): Promise<InputLine> {
  const { id, task, instruction, source, target, mask, captions, expected } = example;
  const origin = example.origin ?? `row ${number}`;
  if (source === undefined) return { number, origin, broken: "there is no source picture, only codes" };
  const files: Partial<Record<"source" | "target" | "mask", string>> = {};
  for (const [side, bytes] of Object.entries({ source, target, mask })) {
    if (bytes === undefined) continue;
    try {
      await decodePicture(bytes, side);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      return { number, origin, broken: error.message.replace(/\.$/, "") };
    }
    const file = `${String(number).padStart(6, "0")}-${side}${endingOf(bytes)}`;
    writeFileAtomically(join(folder, file), bytes);
    files[side as "source"] = file;
  }
  return {
    number,
    id,
    task,
    instruction,
    source: files.source!,
    ...(files.target !== undefined && { target: files.target }),
    ...(files.mask !== undefined && { mask: files.mask }),
    ...(captions !== undefined && { captions: { ...captions } }),
    ...(expected !== undefined && { expected: { ...expected } }),
  };
}

function endingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff) return ".jpg";
  return bytes[0] === 0x89 ? ".png" : ".webp";
}

function requireSame(folder: string, about: InputsAbout, choice: { readonly kind: string }): void {
  const [was, is] = [JSON.stringify(about.choice), JSON.stringify(choice)];
  if (was === is) return;
  throw new ConfigError(`${folder} holds the edits of ${was}, not of ${is}.`, {
    hint: "Choose another --out, or the settings that it was made with.",
  });
}

function changed(folder: string, { rows }: InputsAbout, { directory, count }: EditDataset): DataError {
  return new DataError(`${directory} has ${count} rows, it had ${rows} when ${folder} was begun.`, {
    hint: "Choose another --out for these rows.",
  });
}

/** The edit, decoded. Throws DataError that names the picture which cannot be read. */
export async function loadInput(folder: string, item: InputItem): Promise<MeasuredEdit> {
  const load = async (file: string) => {
    const path = join(folder, file);
    return decodePicture(await readPictureFile(path), path);
  };
  const { id, task, instruction, source, target, mask, captions, expected } = item;
  return {
    id,
    task,
    instruction,
    source: await load(source),
    ...(target !== undefined && { target: await load(target) }),
    ...(mask !== undefined && { mask: await load(mask) }),
    ...(captions !== undefined && { captions }),
    ...(expected !== undefined && { expected }),
  };
}

/** SHA-256 over the ids in their order: edits of other rows are no edits of these. */
export function idsHash(items: readonly Pick<InputItem, "id">[]): string {
  return createHash("sha256")
    .update(JSON.stringify(items.map(({ id }) => id)))
    .digest("hex");
}
