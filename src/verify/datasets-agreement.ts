/** Datasets against the `datasets` library and `torch.load`: words, picture sizes, RGB bytes and code grids of every row. */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { DataSettings } from "../data/data-settings.ts";
import { decodeExample, isBroken, type DatasetSplit, type EditExample } from "../data/edit-dataset.ts";
import { DATASETS, openDataset, type OpenDataset } from "../data/open-dataset.ts";
import { DataError } from "../errors.ts";
import { decodePicture } from "../images/codec.ts";
import type { Picture } from "../images/picture.ts";
import { thoughtText } from "../tokens/sequence.ts";
import type { CodeGrid } from "../tokens/vision-tokenizer.ts";
import { compareEqual, type Comparison } from "./comparison.ts";
import { readRecordedJson } from "./recorded-json.ts";

const RecordedPicture = z.looseObject({ size: z.tuple([z.int(), z.int()]), rgb_sha256: z.string() });
const Grid = z.array(z.array(z.int())).min(1);
const Row = z.looseObject({
  id: z.string().optional(),
  instruction: z.string(),
  task: z.string().optional(),
  source: RecordedPicture.optional(),
  target: RecordedPicture.optional(),
  mask: RecordedPicture.optional(),
  thought: z.record(z.string(), z.string()).optional(),
  source_codes: Grid.optional(),
  target_codes: Grid.optional(),
});
type Row = z.infer<typeof Row>;
/** Rows a dataset, which lies in a folder of its name. */
export const DatasetsRecording = z
  .record(z.string(), z.array(Row).min(1))
  .refine((sets) => Object.keys(sets).length > 0);

const SPLITS: readonly DatasetSplit[] = ["train", "validation", "test"];
/** Of EARL's published thoughts. */
const THOUGHT_KEYS = ["source_image_grounding_information", "conditioning_information", "thinking"];
/** What others call our kinds, letters and digits alone. */
const ALIASES: Readonly<Record<string, keyof typeof DATASETS>> = {
  pth: "earl-codes",
  earl: "earl-codes",
  tokenized: "earl-codes",
  ip2p: "instructpix2pix",
  ssv2: "something",
  ss2: "something",
};
const READ_AT_ONCE = 16;

/** Compares every row of every dataset in the folder. Returns what it could not open, by name. */
export async function* compareDatasets(directory: string): AsyncGenerator<Comparison, string[]> {
  const recording = await readRecordedJson(join(directory, "expected.json"), DatasetsRecording);
  const unread: string[] = [];
  for (const [name, rows] of Object.entries(recording)) {
    const kind = kindOf(name);
    if (kind === undefined) unread.push(name);
    else yield* compareRows(name, rows, await examplesOf(kind, folderOf(directory, name), rows.length));
  }
  const folders = await readdir(directory, { withFileTypes: true });
  const isFlat = Object.keys(recording).some((name) => folderOf(directory, name) === directory);
  const unnamed = folders.filter((one) => !isFlat && one.isDirectory() && recording[one.name] === undefined);
  return [...unread, ...unnamed.map((one) => one.name)];
}

/** The files of a single dataset may lie beside the recording itself. */
function folderOf(directory: string, name: string): string {
  const own = join(directory, name);
  return existsSync(own) ? own : directory;
}

/** "magicbrush-test" is magicbrush, "human-edit" humanedit: the longest name of a kind that it begins with. */
function kindOf(name: string): keyof typeof DATASETS | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const kinds = Object.keys(DATASETS) as (keyof typeof DATASETS)[];
  const known = [...kinds.map((kind) => [plain(kind), kind] as const), ...Object.entries(ALIASES)];
  const fitting = known.filter(([start]) => plain(name).startsWith(start));
  return fitting.toSorted(([one], [other]) => other.length - one.length)[0]?.[1];
}

/** Those of the split that has as many, or of all that are there. Throws DataError where none can be opened. */
async function examplesOf(
  kind: keyof typeof DATASETS,
  directory: string,
  count: number,
): Promise<EditExample[]> {
  const opened: OpenDataset[] = [];
  let fault: unknown;
  for (const split of SPLITS) {
    const settings = DataSettings.parse({ kind, directory });
    const dataset = await openDataset(settings, split).catch((error: unknown) => {
      if (!(error instanceof DataError)) throw error;
      fault ??= error;
    });
    if (dataset !== undefined) opened.push(dataset);
  }
  if (opened.length === 0) throw fault;
  const splits: EditExample[][] = [];
  for (const dataset of opened) splits.push(await readable(dataset));
  return splits.find((examples) => examples.length === count) ?? splits.flat();
}

async function readable(dataset: OpenDataset): Promise<EditExample[]> {
  const examples: EditExample[] = [];
  for (let start = 0; start < dataset.count; start += READ_AT_ONCE) {
    const length = Math.min(READ_AT_ONCE, dataset.count - start);
    const rows = await dataset.read(Array.from({ length }, (_, at) => start + at));
    for (const row of rows) {
      // A recording leaves out what its system could not decode.
      if (!isBroken(row) && (await isDecodable(row))) examples.push(row);
    }
  }
  return examples;
}

async function isDecodable(example: EditExample): Promise<boolean> {
  return decodeExample(example).then(
    () => true,
    (error: unknown) => {
      if (error instanceof DataError) return false;
      throw error;
    },
  );
}

async function* compareRows(
  name: string,
  rows: readonly Row[],
  examples: readonly EditExample[],
): AsyncGenerator<Comparison> {
  yield compareEqual(`${name}: number of rows`, { got: [examples.length], want: [rows.length] });
  for (const [index, row] of rows.entries()) {
    const example = examples[index];
    if (example !== undefined) yield* compareRow(name, `row ${index}`, row, example);
  }
}

async function* compareRow(
  name: string,
  part: string,
  row: Row,
  example: EditExample,
): AsyncGenerator<Comparison> {
  for (const key of ["id", "instruction", "task"] as const) {
    const want = row[key];
    if (want !== undefined) yield compareEqual(`${name}: ${key}`, { got: example[key], want }, part);
  }
  if (row.thought !== undefined) {
    const want = thoughtText(row.thought, THOUGHT_KEYS);
    yield compareEqual(`${name}: thought`, { got: example.thought ?? "", want }, part);
  }
  const { source, target } = await decodeExample(example);
  const mask = example.mask === undefined ? undefined : await decodePicture(example.mask, "mask");
  for (const [quantity, got, want] of [
    ["source", source, row.source],
    ["target", target, row.target],
    ["mask", mask, row.mask],
  ] as const) {
    if (want !== undefined) yield* comparePicture(`${name}: ${quantity}`, got, want, part);
  }
  for (const [quantity, got, want] of [
    ["source codes", example.codes?.source, row.source_codes],
    ["target codes", example.codes?.target, row.target_codes],
  ] as const) {
    if (want !== undefined) yield* compareCodes(`${name}: ${quantity}`, got, want, part);
  }
}

function* comparePicture(
  quantity: string,
  got: Picture | undefined,
  { size, rgb_sha256: want }: z.infer<typeof RecordedPicture>,
  part: string,
): Generator<Comparison> {
  yield compareEqual(
    `${quantity} size`,
    { got: got === undefined ? [] : [got.width, got.height], want: size },
    part,
  );
  const hash = got === undefined ? "" : createHash("sha256").update(got.pixels).digest("hex");
  yield compareEqual(`${quantity} pixels (hash)`, { got: hash, want }, part);
}

function* compareCodes(
  quantity: string,
  got: CodeGrid | undefined,
  want: readonly (readonly number[])[],
  part: string,
): Generator<Comparison> {
  const size = got === undefined ? [] : [got.rows, got.columns];
  yield compareEqual(`${quantity} size`, { got: size, want: [want.length, want[0]!.length] }, part);
  yield compareEqual(quantity, { got: got?.codes ?? [], want: want.flat() }, part);
}
