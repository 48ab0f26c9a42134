/**
 * A recording of a language model (kind `emu3-lm`): config and weights, and in expected.safetensors rows of tokens,
 * padded at the ends, with what transformers and torch made of them. Every size and constant is the recording's own.
 */

import { join } from "node:path";
import { z } from "zod";
import type { OptimizerSettings } from "../engine/optimizer-settings.ts";
import type { PackedGroup } from "../engine/onnx/packed-batch.ts";
import { DataError } from "../errors.ts";
import type { PolicyConfig } from "../policy/config.ts";
import { openPolicyDirectory } from "../policy/policy-directory.ts";
import { requireMemory } from "../policy/required-memory.ts";
import { readRecordedJson } from "./recorded-json.ts";
import { piece, RecordedTensors } from "./recorded-tensors.ts";

const Constants = z.looseObject({
  prompt_tokens: z.int().min(1),
  kl_beta: z.number(),
  clip_low: z.number(),
  clip_high: z.number(),
  adamw: z.looseObject({
    lr: z.number(),
    betas: z.tuple([z.number(), z.number()]),
    eps: z.number(),
    weight_decay: z.number(),
    max_grad_norm: z.number(),
    steps: z.int().min(1),
  }),
});
export type RecordedConstants = z.infer<typeof Constants>;

/** One row without its padding. */
export interface RecordedRow {
  /** Index of the first real token, and one past the last. */
  readonly first: number;
  readonly end: number;
  /** All tokens of the row, padding included. */
  readonly ids: Int32Array;
  /** 1 where a token counts in the losses. */
  readonly counts: ArrayLike<number>;
  readonly advantage: number;
  /** Of token i + 1 at index i, as all recorded log-probabilities. */
  readonly refLogprobs: Float32Array;
  readonly oldLogprobs: Float32Array;
}

export interface PolicyRecording {
  readonly config: PolicyConfig;
  readonly parameters: Map<string, Float32Array>;
  readonly constants: RecordedConstants;
  readonly optimizer: Extract<OptimizerSettings, { kind: "adamw" }>;
  /** Length of every row, padding included. */
  readonly tokens: number;
  readonly rows: readonly RecordedRow[];
  readonly expected: RecordedTensors;
}

/** Reads all but the recorded results. Throws CheckpointError or DataError for a file that is missing or does not fit. */
export async function openPolicyRecording(directory: string): Promise<PolicyRecording> {
  const constants = await readRecordedJson(join(directory, "expected.json"), Constants);
  const { config, parameters } = await readPolicy(directory);
  const expected = await RecordedTensors.open(join(directory, "expected.safetensors"));
  try {
    return { ...(await described(constants, config, expected)), parameters };
  } catch (error) {
    await expected.close();
    throw error;
  }
}

async function readPolicy(directory: string): Promise<Pick<PolicyRecording, "config" | "parameters">> {
  const policy = await openPolicyDirectory(directory);
  const parameters = new Map<string, Float32Array>();
  try {
    requireMemory(directory, policy.config);
    for (const name of policy.names) parameters.set(name, await policy.read(name));
  } finally {
    await policy.close();
  }
  return { config: policy.config, parameters };
}

async function described(
  constants: RecordedConstants,
  config: PolicyConfig,
  expected: RecordedTensors,
): Promise<Omit<PolicyRecording, "parameters">> {
  const { betas, eps, weight_decay, max_grad_norm } = constants.adamw;
  const tokens = expected.shape("input_ids", 2)[1] as number;
  const rows = await readRows(expected);
  for (const [row, { ids }] of rows.entries()) {
    const stray = ids.find((id) => id < 0 || id >= config.vocabularySize);
    if (stray === undefined) continue;
    throw new DataError(
      `Row ${row} of input_ids has the id ${stray}, the policy a vocabulary of ${config.vocabularySize}.`,
      {
        hint: "The recording was made with another policy.",
      },
    );
  }
  return {
    config,
    constants,
    optimizer: {
      kind: "adamw",
      beta1: betas[0],
      beta2: betas[1],
      epsilon: eps,
      weightDecay: weight_decay,
      maxGradNorm: max_grad_norm,
    },
    tokens,
    rows,
    expected,
  };
}

async function readRows(expected: RecordedTensors): Promise<RecordedRow[]> {
  const [count, tokens] = expected.shape("input_ids", 2) as [number, number];
  const read = async (name: string, length: number): Promise<Float32Array | Int32Array> => {
    const values = await expected.numbers(name);
    if (values.length === count * length) return values;
    throw new DataError(`The recorded ${name} has ${values.length} values, not ${count} × ${length}.`);
  };
  const ids = Int32Array.from(await read("input_ids", tokens));
  const real = await read("attention_mask", tokens);
  const counts = await read("completion_mask", tokens);
  const advantages = await read("advantages", 1);
  const refLogprobs = Float32Array.from(await read("ref_logprobs", tokens - 1));
  const oldLogprobs = expected.has("old_logprobs")
    ? Float32Array.from(await read("old_logprobs", tokens - 1))
    : refLogprobs;
  return Array.from({ length: count }, (_, row) => ({
    ...realTokens(piece(real, row, count), row),
    ids: piece(ids, row, count),
    counts: piece(counts, row, count),
    advantage: advantages[row] as number,
    refLogprobs: piece(refLogprobs, row, count),
    oldLogprobs: piece(oldLogprobs, row, count),
  }));
}

function realTokens(mask: Float32Array | Int32Array, row: number): { first: number; end: number } {
  const [first, end] = [mask.indexOf(1), mask.lastIndexOf(1) + 1];
  const isWhole = first >= 0 && mask.subarray(first, end).every((value) => value === 1);
  if (isWhole && end - first >= 2) return { first, end };
  throw new DataError(`Row ${row} of the recorded attention_mask is not two or more real tokens in a row.`, {
    hint: "Padding may stand before and after the tokens of a row, not among them.",
  });
}

/** Where a row is split into a prompt and what follows it: index of the first token that follows. */
export type Split = (row: RecordedRow) => number;

/** After the first real token, so that every other one is predicted. */
export const afterFirstToken: Split = ({ first }) => first + 1;

/** Where the recorded prompts end, or before a token that counts. */
export function afterPrompt({ constants }: PolicyRecording): Split {
  return ({ first, end, counts }) => {
    const counted = Array.from(counts).findIndex((count) => count !== 0);
    const start = Math.min(constants.prompt_tokens, counted < 1 ? Infinity : counted, end - 1);
    return Math.max(start, first + 1);
  };
}

/** The rows as groups of one completion, weighted for a mean over all tokens that count. */
export function groupsOf({ rows }: PolicyRecording, split: Split): PackedGroup[] {
  const total = rows.reduce(
    (sum, { counts }) => sum + Array.from(counts).reduce((one, count) => one + count, 0),
    0,
  );
  return rows.map((row) => {
    const start = split(row);
    return {
      prompt: {
        ids: row.ids.slice(row.first, start),
        grid: { rows: 1, columns: 1 },
        writes: "image",
      },
      completions: [
        {
          ids: row.ids.slice(start, row.end),
          // One segment, and every id of it was free.
          constraints: new Int8Array(row.end - start),
          advantage: row.advantage,
          weights: Float32Array.from(
            { length: row.end - start },
            (_, at) => (row.counts[start + at] as number) / total,
          ),
          refLogprobs: row.refLogprobs.slice(start - 1, row.end - 1),
          oldLogprobs: row.oldLogprobs.slice(start - 1, row.end - 1),
        },
      ],
    };
  });
}
