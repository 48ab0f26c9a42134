/** `kind: mixture`: named sources with weights, as one dataset. */

import { z } from "zod";

import type { AnyChoice } from "../../config/choice.ts";
import { nameOf } from "../../config/named-list.ts";
import { label } from "../../config/ranges.ts";
import { DataError } from "../../errors.ts";
import type { DatasetKind } from "../dataset-kind.ts";
import type { DatasetContext, DatasetSplit, EditDataset } from "../edit-dataset.ts";
import { heldOutSplits, HoldOutOptions, type HoldOut } from "./held-out.ts";
import { mixedDataset, type MixedSource } from "./mixed-dataset.ts";
import { inTurns, mixedOrder } from "./row-order.ts";
import { sourceKeys } from "./source-keys.ts";
import { takenRows } from "./taken-rows.ts";

const MOST_ROWS = 2 ** 31;
const rowCount = z.int().min(1).max(MOST_ROWS);

/** What the config may say of a dataset within a mixture, whatever its kind. */
export const sourceOptions = {
  name: label
    .regex(/^[\w.-]+$/, "must be letters, digits, dots, dashes and underscores")
    .optional()
    .describe("What it is called in ids, tables and the manifest; its kind unless given."),
  weight: z
    .number()
    .positive()
    .max(1e6)
    .default(1)
    .describe("How much of it the mixture takes; see `weights` of the mixture."),
  holdOut: HoldOutOptions.optional(),
};

/** A dataset of a mixture, as the config declares it. */
export type SourceChoice = AnyChoice & {
  readonly name?: string | undefined;
  readonly weight: number;
  readonly holdOut?: HoldOut | undefined;
};

const mixtureOptions = {
  weights: z
    .enum(["copies", "shares"])
    .default("copies")
    .describe(
      "What weights mean. copies: each row so many times, a fraction being drawn (EARL's coefficients: 0.13, 1, 3.7). shares: parts of the whole mixture.",
    ),
  upsampleTo: z
    .union([z.literal("largest"), rowCount])
    .optional()
    .describe(
      "With copies: sources that give fewer rows than this are repeated up to it; `largest` for the largest one's.",
    ),
  rows: rowCount
    .optional()
    .describe("With shares: rows of the mixture. Unless given, so many that no source's row is left out."),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31)
    .default(0)
    .describe("Of what is drawn, of the order, and of what `holdOut` holds out."),
};

/** The kind, given the schema of its own sources, which may be of any kind. */
export function mixtureKind(sources: z.ZodType<readonly SourceChoice[]>): DatasetKind<MixtureOptions> {
  const options = z
    .strictObject({
      sources: sources.describe("What it is made of: datasets of any kind, told apart by name."),
      ...mixtureOptions,
    })
    .superRefine(({ weights, upsampleTo, rows }, context) => {
      if (weights === "shares" && upsampleTo !== undefined) {
        const message = "goes with weights: copies; with shares, `rows` says how large the mixture is";
        context.addIssue({ code: "custom", path: ["upsampleTo"], message, input: upsampleTo });
      }
      if (weights === "copies" && rows !== undefined) {
        const message = "goes with weights: shares; with copies, weights say how many rows there are";
        context.addIssue({ code: "custom", path: ["rows"], message, input: rows });
      }
    });
  return {
    about: "Several datasets as one: each with a weight, repeated or drawn from, in one shuffled order.",
    options,
    open: openMixture,
  };
}

type MixtureOptions = z.ZodObject<
  { sources: z.ZodType<readonly SourceChoice[]> } & typeof mixtureOptions,
  z.core.$strict
>;
type Mixture = z.output<MixtureOptions>;

/** Training takes of each source what its weight says; held-out splits have each row once, sources in turns. */
async function openMixture(mixture: Mixture, context: DatasetContext): Promise<EditDataset> {
  const { split } = context;
  const opened = await openSources(mixture, context);
  const sized = opened.map(({ choice, dataset, numbers }) => ({
    name: nameOf(choice),
    weight: choice.weight,
    dataset,
    numbers,
    rows: numbers?.length ?? dataset.count,
  }));
  if (split !== "train") {
    const sources = sized.filter(({ rows }) => rows > 0).map((one) => ({ ...one, taken: one.rows }));
    if (sources.length === 0) throw nothingHeldOut(split);
    return mixedDataset(split, sources, inTurns(sources));
  }
  const taken = takenRows(sized, mixture);
  const sum = taken.reduce((total, rows) => total + rows, 0);
  if (sum > MOST_ROWS) {
    throw new DataError(`The mixture would have ${sum} rows; at most ${MOST_ROWS} are possible.`, {
      hint: "Lower the weights, or what sources are repeated up to.",
    });
  }
  const sources: MixedSource[] = sized.map((one, index) => ({ ...one, taken: taken[index]! }));
  return mixedDataset(split, sources, mixedOrder(sources, mixture.seed));
}

interface OpenedSource {
  readonly choice: SourceChoice;
  readonly dataset: EditDataset;
  readonly numbers?: Uint32Array;
}

async function openSources(
  { sources, seed }: Mixture,
  { split, open, onProgress }: DatasetContext,
): Promise<OpenedSource[]> {
  const opened: OpenedSource[] = [];
  for (const choice of sources) {
    const from = choice.holdOut?.from ?? split;
    try {
      opened.push({ choice, dataset: await open(choice, from) });
    } catch (cause) {
      if (!(cause instanceof DataError)) throw cause;
      const hint =
        from === split && split !== "train"
          ? `If it has no ${split} split of its own, hold some of it out: holdOut: { ${split}: 0.01 }.`
          : cause.hint;
      throw new DataError(`${nameOf(choice)}: ${cause.message}`, { ...(hint && { hint }), cause });
    }
  }
  const divided = opened.filter(({ choice }) => choice.holdOut !== undefined);
  const keyed = [];
  for (const one of divided) {
    // What it is called and how much of it is taken changes none of its rows.
    const { name: _, weight: __, holdOut: ___, ...options } = one.choice;
    const keys = await sourceKeys(one.dataset, {
      options,
      onProgress: (done, total) => onProgress?.(`Source pictures of ${nameOf(one.choice)}`, done, total),
    });
    keyed.push({ keys, holdOut: one.choice.holdOut! });
  }
  const splits = heldOutSplits(keyed, seed);
  const numbers = new Map(divided.map((one, at) => [one, rowsOf(splits[at]!, split)]));
  return opened.map((one) => {
    const own = numbers.get(one);
    return own === undefined ? one : { ...one, numbers: own };
  });
}

function rowsOf(splits: readonly DatasetSplit[], split: DatasetSplit): Uint32Array {
  return Uint32Array.from([...splits.keys()].filter((row) => splits[row] === split));
}

function nothingHeldOut(split: DatasetSplit): DataError {
  return new DataError(`No row of the mixture is held out for ${split}.`, {
    hint: `Hold out a larger share of a source: holdOut: { ${split}: 0.1 }.`,
  });
}
