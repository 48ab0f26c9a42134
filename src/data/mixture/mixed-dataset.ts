/** Several datasets as one: which rows of each, how often, in which order. */

import { DataError } from "../../errors.ts";
import { createHash } from "node:crypto";

import {
  isBroken,
  type BrokenRow,
  type DatasetSplit,
  type EditDataset,
  type EditExample,
} from "../edit-dataset.ts";
import { firstNumbers } from "./row-order.ts";

/** A dataset within a mixture. */
export interface MixedSource {
  readonly name: string;
  readonly dataset: EditDataset;
  /** Numbers of its rows that belong to this split; all of them unless given. */
  readonly numbers?: Uint32Array | undefined;
  /** As the config says it. */
  readonly weight: number;
  /** Rows of the split. */
  readonly rows: number;
  /** Rows that the mixture has of it, repeated ones too. */
  readonly taken: number;
}

/** `order` holds numbers of rows, the sources' counted through. */
export function mixedDataset(
  split: DatasetSplit,
  sources: readonly MixedSource[],
  order: Uint32Array,
): EditDataset {
  const first = firstNumbers(sources);
  const placeOf = (index: number): { readonly at: number; readonly row: number } => {
    const number = order[index];
    if (number === undefined) throw new RangeError(`There are ${order.length} rows, no row ${index}.`);
    const at = first.findLastIndex((start) => start <= number);
    const row = number - first[at]!;
    return { at, row: sources[at]!.numbers?.[row] ?? row };
  };
  return {
    split,
    directory: `mixture of ${sources.map(({ name }) => name).join(", ")}`,
    count: order.length,
    repeated: sources.reduce((sum, { dataset }) => sum + dataset.repeated, 0),
    files: sources.flatMap(({ name, dataset }) =>
      dataset.files.map((file) => ({ folder: dataset.directory, ...file, source: name })),
    ),
    notices: sources.flatMap(({ name, dataset }) => dataset.notices.map((notice) => `${name}: ${notice}`)),
    parts: sources.map(({ name, weight, rows, taken }, at) => ({
      name,
      weight,
      rows,
      taken,
      first: first[at]!,
    })),
    ...codesOf(sources),
    order: createHash("sha256")
      .update(new Uint8Array(order.buffer, order.byteOffset, order.byteLength))
      .digest("hex"),
    numberOf: (index) => order[index]!,
    async read(indices) {
      const places = indices.map(placeOf);
      const rows: (EditExample | BrokenRow)[] = [];
      for (const [at, { name, dataset }] of sources.entries()) {
        const slots = [...places.keys()].filter((slot) => places[slot]!.at === at);
        if (slots.length === 0) continue;
        const read = await dataset.read(slots.map((slot) => places[slot]!.row));
        for (const [nth, slot] of slots.entries()) rows[slot] = within(name, read[nth]!);
      }
      return rows;
    },
  };
}

/** The one vision tokenizer of all sources that hold codes. Throws DataError where there are several. */
function codesOf(sources: readonly MixedSource[]): Pick<EditDataset, "codesOf"> {
  const coded = sources.flatMap(({ name, dataset: { codesOf: made } }) =>
    made === undefined ? [] : [{ name, made }],
  );
  const [first] = coded;
  const other = coded.find(({ made }) => made.fingerprint !== first?.made.fingerprint);
  if (first === undefined) return {};
  if (other === undefined) return { codesOf: first.made };
  throw new DataError(
    `Codes of ${first.name} and of ${other.name} were made by different vision tokenizers.`,
    {
      hint: "Prepare all sources of a mixture with one policy or vision tokenizer.",
    },
  );
}

/** Ids of two datasets may be equal, so those of a mixture say whose they are. */
function within(name: string, row: EditExample | BrokenRow): EditExample | BrokenRow {
  if (isBroken(row)) return { ...row, origin: `${name}: ${row.origin}` };
  return {
    ...row,
    id: `${name}/${row.id}`,
    origin: `${name}: ${row.origin ?? row.id}`,
  };
}
