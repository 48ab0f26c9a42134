/** What a language model puts out, against its recording: positions, logits, log-probabilities, a greedy continuation. */

import { forwardGroups, headWeight } from "../engine/onnx/decoder.ts";
import { openOnnxEngine } from "../engine/onnx/onnx-engine.ts";
import type { PolicyEngine } from "../engine/policy-engine.ts";
import { packBatch } from "../engine/onnx/packed-batch.ts";
import { weightInputs } from "../engine/onnx/policy-parts.ts";
import { DataError } from "../errors.ts";
import { linear } from "../tensor/ops/matmul.ts";
import type { Value } from "../tensor/value.ts";
import type { Grammar } from "../tokens/grammar.ts";
import { plainGrammar } from "../tokens/plain-grammar.ts";
import { compareEqual, compareNumbers, type Comparison, type NumberOptions } from "./comparison.ts";
import type { Bench } from "./policy-bench.ts";
import { groupsOf, type PolicyRecording, type Split } from "./policy-recording.ts";
import { piece } from "./recorded-tensors.ts";

/** Rounding in a log-probability is that of the logits it is made of, however near to 0 it is itself. */
export const LOGPROB: NumberOptions = { tolerance: { kind: "relative", limit: 1e-4 }, row: 1, floor: 1 };
const LOGITS = { kind: "relative", limit: 1e-4 } as const;

export async function* comparePositions({
  expected,
  rows,
  tokens,
}: PolicyRecording): AsyncGenerator<Comparison> {
  const positions = await expected.numbers("position_ids");
  if (positions.length !== rows.length * tokens) {
    // Nothing compared with nothing would be equal.
    throw new DataError(
      `The recorded position_ids has ${positions.length} values, not ${rows.length} × ${tokens}.`,
    );
  }
  for (const [index, { first, end }] of rows.entries()) {
    const want = piece(positions, index, rows.length).subarray(first, end);
    yield compareEqual("positions", { got: want.map((_, at) => at), want }, `row ${index}`);
  }
}

/** At every real position, from a pass over whole rows. */
export async function compareLogits({ recording, space }: Bench): Promise<Comparison> {
  const { config, rows, expected, tokens } = recording;
  const length = Math.max(...rows.map(({ first, end }) => end - first));
  const shape = { prompts: rows.length, groupSize: 1, prefix: 0, completion: length };
  const build = (): Record<string, Value> => {
    const weights = weightInputs({ config });
    return { logits: linear(forwardGroups(config, weights, shape).hidden, headWeight(config, weights)) };
  };
  const ids = new BigInt64Array(rows.length * length);
  for (const [index, row] of rows.entries()) {
    ids.set(Array.from(row.ids.subarray(row.first, row.end), BigInt), index * length);
  }
  const { read } = await space.runner.run(
    { key: ["logits", shape], build },
    {
      ...(await space.weights()),
      tokens: ids,
      positions: ids.map((_, at) => BigInt(at % length)),
    },
  );
  const all = (await expected.numbers("logits")) as Float32Array;
  const width = config.vocabularySize;
  const real = (values: Float32Array, starts: (row: number) => number): Float32Array => {
    const parts = rows.map(({ first, end }, row) =>
      values.subarray(starts(row) * width, (starts(row) + end - first) * width),
    );
    return joined(parts);
  };
  return compareNumbers(
    "logits",
    {
      got: real(read["logits"] as Float32Array, (row) => row * length),
      want: real(all, (row) => row * tokens + (rows[row]?.first ?? 0)),
    },
    { tolerance: LOGITS, row: width },
  );
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let start = 0;
  for (const part of parts) {
    whole.set(part, start);
    start += part.length;
  }
  return whole;
}

export async function compareLogprobs(bench: Bench, quantity: string, split: Split): Promise<Comparison> {
  const { recording, space, grammar } = bench;
  const batch = packBatch(groupsOf(recording, split), grammar.segments);
  const { logprobs: values } = await space.logprobs(batch, "policy", 1);
  const recorded = await recording.expected.numbers("logprobs");
  const [got, want]: [number[], number[]] = [[], []];
  for (const [index, place] of batch.places.entries()) {
    if (place === undefined) continue;
    const row = recording.rows[place.group];
    if (row === undefined) continue;
    got.push(values[index] as number);
    want.push(recorded[place.group * (recording.tokens - 1) + split(row) + place.token - 1] as number);
  }
  return compareNumbers(quantity, { got, want }, LOGPROB);
}

/** Opens an engine that may write what a grammar allows. */
export type OpenEngine = (grammar: Grammar) => Promise<PolicyEngine>;

/** The onnx engine as users have it, its worker thread included, from the weights as stored. */
export function openOnnx({ config, optimizer, parameters }: PolicyRecording): OpenEngine {
  return (grammar) =>
    openOnnxEngine({
      config,
      grammar,
      weights: {
        kind: "arrays",
        arrays: new Map(Array.from(parameters, ([name, values]) => [name, values.slice()])),
      },
      optimizer,
      threads: 0,
      microbatchTokens: 16_384,
      generationRows: 64,
      recompute: false,
    });
}

export async function* compareGreedy(
  recording: PolicyRecording,
  open: OpenEngine,
): AsyncGenerator<Comparison> {
  const { config, expected, rows, constants } = recording;
  const [count, length] = expected.shape("greedy", 2) as [number, number];
  if (count !== rows.length || length < 1) {
    throw new DataError(`The recorded greedy has ${count} × ${length} values for ${rows.length} rows.`);
  }
  const recorded = (await expected.numbers("greedy")) as Int32Array;
  await using engine = await open(greedyGrammar(recording, recorded, length));
  const prompts = rows.map(({ ids, first }) => ({
    ids: ids.slice(first, constants.prompt_tokens),
    grid: { rows: 1, columns: 1 },
    writes: "image" as const,
  }));
  const sampling = { groupSize: 1, temperature: 0, topK: 0, topP: 1, maxTokens: length };
  for await (const { prompt, completions } of engine.generate({ prompts, sampling, seed: 0 })) {
    const row = piece(recorded, prompt, rows.length);
    const want = row.subarray(0, writtenLength(row, config.eosId, config.padId));
    const got = completions[0]?.ids.subarray(0, want.length) ?? [];
    yield compareEqual("greedy continuation", { got, want }, `row ${prompt}`);
  }
}

/** transformers fills a row up with padding once it has written eos; ours has no such end. */
function writtenLength(row: Int32Array, eosId: number | null, padId: number | null): number {
  const end = eosId === null ? -1 : row.indexOf(eosId);
  const isPadded = end >= 0 && end + 1 < row.length && row.subarray(end + 1).every((id) => id === padId);
  return isPadded ? end + 1 : row.length;
}

/** A recording without any eos was told to write on (`min_new_tokens`), or never wanted one: either way eos is no choice. */
function greedyGrammar({ config }: PolicyRecording, recorded: Int32Array, length: number): Grammar {
  const plain = plainGrammar(config.vocabularySize, { length });
  if (config.eosId === null || recorded.includes(config.eosId)) return plain;
  const banned = [config.eosId];
  return { ...plain, segments: plain.segments.map((segment) => ({ ...segment, banned })) };
}
