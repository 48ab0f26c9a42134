/** A language model against its recording: outputs, losses with every gradient, optimizer steps, a greedy continuation. */

import { SFT_LOSS, type LossSpec } from "../algorithms/losses.ts";
import { forwardGroups, headWeight } from "../engine/onnx/decoder.ts";
import { flatten, parameterLayout, parameterViews } from "../engine/onnx/flat-parameters.ts";
import { openOnnxEngine } from "../engine/onnx/onnx-engine.ts";
import { packBatch, type PackedBatch, type PackedGroup } from "../engine/onnx/packed-batch.ts";
import { weightInputs } from "../engine/onnx/policy-parts.ts";
import { PolicyWorkspace } from "../engine/onnx/policy-workspace.ts";
import { ACCUMULATED, accumulateGraph } from "../engine/onnx/training-graphs.ts";
import { DataError } from "../errors.ts";
import { parameterShapes } from "../policy/parameters.ts";
import { linear } from "../tensor/ops/matmul.ts";
import type { Grammar } from "../tokens/grammar.ts";
import { plainGrammar } from "../tokens/plain-grammar.ts";
import { compareEqual, compareNumbers, type Comparison, type NumberOptions } from "./comparison.ts";
import {
  afterFirstToken,
  afterPrompt,
  groupsOf,
  openPolicyRecording,
  type PolicyRecording,
  type Split,
} from "./policy-recording.ts";
import { piece } from "./recorded-tensors.ts";

/** Rounding in a log-probability is that of the logits it is made of, however near to 0 it is itself. */
const LOGPROB: NumberOptions = { tolerance: { kind: "relative", limit: 1e-4 }, row: 1, floor: 1 };
const LOSS: NumberOptions = { tolerance: { kind: "absolute", limit: 1e-5 } };
const GRADIENT: NumberOptions = { tolerance: { kind: "relative", limit: 1e-3 } };
const PARAMETER: NumberOptions = { tolerance: { kind: "absolute", limit: 1e-5 } };
const LOGITS = { kind: "relative", limit: 1e-4 } as const;

interface Bench {
  readonly recording: PolicyRecording;
  readonly space: PolicyWorkspace;
  /** Any id may follow any. */
  readonly grammar: Grammar;
}

/** Compares what the recording holds, quantity by quantity. What it leaves out is not compared. */
export async function* comparePolicy(directory: string): AsyncGenerator<Comparison, string[]> {
  const recording = await openPolicyRecording(directory);
  const { config, optimizer, expected, parameters, tokens } = recording;
  const grammar = plainGrammar(config.vocabularySize, { length: tokens });
  const space = new PolicyWorkspace({
    config,
    segments: grammar.segments,
    optimizer,
    recompute: false,
    threads: 0,
  });
  const bench = { recording, space, grammar };
  try {
    await space.setState(parameters);
    if (expected.has("position_ids")) yield* comparePositions(recording);
    if (expected.has("logits")) yield await compareLogits(bench);
    if (expected.has("logprobs")) {
      yield await compareLogprobs(bench, "log-probabilities", afterFirstToken);
      yield await compareLogprobs(bench, "log-probabilities after a shared prompt", afterPrompt(recording));
    }
    for (const [name, spec] of Object.entries(lossesOf(recording))) {
      if (expected.has(`${name}.loss`)) yield* compareLoss(bench, name, spec);
    }
    if (expected.has("adamw.loss")) yield* compareSteps(bench);
    if (expected.has("greedy")) yield* compareGreedy(recording);
    return expected.unread();
  } finally {
    await space.close();
    await expected.close();
  }
}

async function* comparePositions({ expected, rows }: PolicyRecording): AsyncGenerator<Comparison> {
  const positions = await expected.numbers("position_ids");
  for (const [index, { first, end }] of rows.entries()) {
    const want = piece(positions, index, rows.length).subarray(first, end);
    yield compareEqual("positions", { got: want.map((_, at) => at), want }, `row ${index}`);
  }
}

/** At every real position, from a pass over whole rows. */
async function compareLogits({ recording, space }: Bench): Promise<Comparison> {
  const { config, rows, expected, tokens } = recording;
  const length = Math.max(...rows.map(({ first, end }) => end - first));
  const shape = { prompts: rows.length, groupSize: 1, prefix: 0, completion: length };
  const session = await space.session(["logits", shape], () => {
    const weights = weightInputs({ config });
    return { logits: linear(forwardGroups(config, weights, shape).hidden, headWeight(config, weights)) };
  });
  const ids = new BigInt64Array(rows.length * length);
  for (const [index, row] of rows.entries()) {
    ids.set(Array.from(row.ids.subarray(row.first, row.end), BigInt), index * length);
  }
  const { logits } = await space.run(session, {
    ...(await space.weights()),
    tokens: ids,
    positions: ids.map((_, at) => BigInt(at % length)),
  });
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
      got: real(logits as Float32Array, (row) => row * length),
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

async function compareLogprobs(bench: Bench, quantity: string, split: Split): Promise<Comparison> {
  const { recording, space, grammar } = bench;
  const batch = packBatch(groupsOf(recording, split), grammar);
  const values = await space.logprobs(batch, "policy", 1);
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

function lossesOf({ constants }: PolicyRecording): Record<"sft" | "grpo" | "clipped", LossSpec> {
  const { kl_beta: coef, clip_low: clipLow, clip_high: clipHigh } = constants;
  return {
    sft: SFT_LOSS,
    grpo: { surrogate: { kind: "on-policy" }, kl: { estimator: "k3", coef }, temperature: 1 },
    clipped: { surrogate: { kind: "clipped", clipLow, clipHigh }, temperature: 1 },
  };
}

function batchFor({ recording, grammar }: Bench, name: string): PackedBatch {
  const groups = groupsOf(recording, afterPrompt(recording));
  return packBatch(name === "sft" ? groups.map(asSupervised) : groups, grammar);
}

function asSupervised(group: PackedGroup): PackedGroup {
  return { ...group, completions: group.completions.map((completion) => ({ ...completion, advantage: 1 })) };
}

async function* compareLoss(bench: Bench, name: string, spec: LossSpec): AsyncGenerator<Comparison> {
  const { recording, space } = bench;
  const { expected, config, parameters } = recording;
  const batch = batchFor(bench, name);
  const layout = parameterLayout(parameterShapes(config));
  const session = await space.session([name], () => accumulateGraph(space.options, batch.shape, spec));
  const results = await space.run(session, {
    ...batch.feeds,
    [ACCUMULATED]: new Float32Array(layout.size),
    parameters: flatten(layout, parameters),
    inverseTemperature: Float32Array.of(1),
  });
  const scalar = (key: string): number => Number(results[key]?.[0]);
  const loss = { got: [scalar("loss")], want: await expected.numbers(`${name}.loss`) };
  yield compareNumbers(`${name} loss`, loss, LOSS);
  if (expected.has(`${name}.kl_k3_mean`)) {
    const kl = { got: [scalar("kl") / batch.counted], want: await expected.numbers(`${name}.kl_k3_mean`) };
    yield compareNumbers(`${name} KL (k3)`, kl, LOSS);
  }
  yield* compareTensors(recording, `${name}.grad.`, {
    quantity: `${name} gradients`,
    got: parameterViews(layout, results[`next:${ACCUMULATED}`] as Float32Array),
    options: GRADIENT,
  });
}

interface TensorComparison {
  readonly quantity: string;
  readonly got: ReadonlyMap<string, Float32Array>;
  readonly options: NumberOptions;
}

/** Every parameter's tensor; a recording that holds some but not all of them, or others, is damaged. */
async function* compareTensors(
  { expected }: PolicyRecording,
  prefix: string,
  { quantity, got, options }: TensorComparison,
): AsyncGenerator<Comparison> {
  const recorded = new Set(expected.namesAfter(prefix));
  const stray = [...recorded].find((name) => !got.has(name));
  const missing = [...got.keys()].find((name) => !recorded.has(name));
  if (stray !== undefined)
    throw new DataError(`${prefix}${stray} is recorded, but no parameter of the policy.`);
  if (missing !== undefined) throw new DataError(`${prefix}${missing} is not in the recording.`);
  for (const [name, values] of got) {
    const want = await expected.numbers(prefix + name);
    yield compareNumbers(quantity, { got: values, want }, { ...options, part: name });
  }
}

async function* compareSteps(bench: Bench): AsyncGenerator<Comparison> {
  const { recording, space } = bench;
  const { expected, constants } = recording;
  const batch = batchFor(bench, "sft");
  const losses: number[] = [];
  const norms: number[] = [];
  for (let step = 0; step < constants.adamw.steps; step += 1) {
    const sums = await space.step([batch], SFT_LOSS, constants.adamw.lr);
    losses.push(sums.loss);
    norms.push(sums.gradNorm);
  }
  yield compareNumbers("adamw losses", { got: losses, want: await expected.numbers("adamw.loss") }, LOSS);
  if (expected.has("adamw.grad_norm")) {
    const want = await expected.numbers("adamw.grad_norm");
    yield compareNumbers("adamw gradient norms", { got: norms, want }, { ...GRADIENT, row: 1 });
  }
  yield* compareTensors(recording, "adamw.param.", {
    quantity: "adamw parameters",
    got: await space.parameters(),
    options: PARAMETER,
  });
}

/** Through the engine that users have, its worker thread included, from the weights as stored. */
async function* compareGreedy(recording: PolicyRecording): AsyncGenerator<Comparison> {
  const { config, expected, rows, constants, optimizer, parameters } = recording;
  const [, length] = expected.shape("greedy", 2) as [number, number];
  const recorded = (await expected.numbers("greedy")) as Int32Array;
  const engine = await openOnnxEngine({
    config,
    grammar: plainGrammar(config.vocabularySize, { length }),
    parameters: new Map(Array.from(parameters, ([name, values]) => [name, values.slice()])),
    optimizer,
    threads: 0,
    microbatchTokens: 16_384,
    generationRows: 64,
    recompute: false,
  });
  try {
    const prompts = rows.map(({ ids, first }) => ({
      ids: ids.slice(first, constants.prompt_tokens),
      grid: { rows: 1, columns: 1 },
      writes: "image" as const,
    }));
    const sampling = { groupSize: 1, temperature: 0, topK: 0, topP: 1, maxTokens: length };
    for await (const { prompt, ids } of engine.generate(prompts, sampling, 0)) {
      const row = piece(recorded, prompt, rows.length);
      const want = row.subarray(0, writtenLength(row, config.eosId, config.padId));
      yield compareEqual("greedy continuation", { got: ids.subarray(0, want.length), want }, `row ${prompt}`);
    }
  } finally {
    await engine.close();
  }
}

/** transformers fills a row up with padding once it has written eos; ours has no such end. */
function writtenLength(row: Int32Array, eosId: number | null, padId: number | null): number {
  const end = eosId === null ? -1 : row.indexOf(eosId);
  const isPadded = end >= 0 && end + 1 < row.length && row.subarray(end + 1).every((id) => id === padId);
  return isPadded ? end + 1 : row.length;
}
