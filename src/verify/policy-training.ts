/** How a language model learns, against its recording: losses with every gradient, and optimizer steps. */

import { SFT_LOSS, type LossSpec } from "../algorithms/losses.ts";
import { flatten, parameterLayout, parameterViews } from "../engine/onnx/flat-parameters.ts";
import { packBatch, type PackedBatch, type PackedGroup } from "../engine/onnx/packed-batch.ts";
import { ACCUMULATED, accumulateGraph } from "../engine/onnx/training-graphs.ts";
import { DataError } from "../errors.ts";
import { parameterShapes } from "../policy/parameters.ts";
import type { Value } from "../tensor/value.ts";
import { compareNumbers, type Comparison, type NumberOptions } from "./comparison.ts";
import type { Bench } from "./policy-bench.ts";
import { afterPrompt, groupsOf, type PolicyRecording } from "./policy-recording.ts";

export const LOSS: NumberOptions = { tolerance: { kind: "absolute", limit: 1e-5 } };
const GRADIENT: NumberOptions = { tolerance: { kind: "relative", limit: 1e-3 } };
/** Each norm by itself. */
export const NORM: NumberOptions = { tolerance: { kind: "relative", limit: 1e-5 }, row: 1 };
export const PARAMETER: NumberOptions = { tolerance: { kind: "absolute", limit: 1e-5 } };

export function lossesOf({ constants }: PolicyRecording): Record<"sft" | "grpo" | "clipped", LossSpec> {
  const { kl_beta: coef, clip_low: clipLow, clip_high: clipHigh } = constants;
  return {
    sft: SFT_LOSS,
    grpo: { surrogate: { kind: "on-policy" }, kl: { estimator: "k3", coef }, temperature: 1 },
    clipped: { surrogate: { kind: "clipped", clipLow, clipHigh }, temperature: 1 },
  };
}

function batchFor({ recording, grammar }: Bench, name: string): PackedBatch {
  return packBatch(groupsFor(recording, name), grammar.segments);
}

/** What a loss is computed on. */
export function groupsFor(recording: PolicyRecording, name: string): PackedGroup[] {
  const groups = groupsOf(recording, afterPrompt(recording));
  return name === "sft" ? groups.map(asSupervised) : groups;
}

function asSupervised(group: PackedGroup): PackedGroup {
  return { ...group, completions: group.completions.map((completion) => ({ ...completion, advantage: 1 })) };
}

export async function* compareLoss(bench: Bench, name: string, spec: LossSpec): AsyncGenerator<Comparison> {
  const { recording, space } = bench;
  const { expected, config, parameters } = recording;
  const batch = batchFor(bench, name);
  const layout = parameterLayout(parameterShapes(config));
  const build = (): Record<string, Value> => accumulateGraph(space.options, batch.shape, spec);
  const { read: results } = await space.runner.run(
    { key: [name], build },
    {
      ...batch.feeds,
      [ACCUMULATED]: new Float32Array(layout.size),
      parameters: flatten(layout, parameters),
      inverseTemperature: Float32Array.of(1),
    },
  );
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
export async function* compareTensors(
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

/** How many steps were recorded, and the loss of each. */
export async function recordedSteps({ expected, constants }: PolicyRecording): Promise<{
  readonly steps: number;
  readonly recorded: Float32Array | Int32Array;
}> {
  const { steps } = constants.adamw;
  const recorded = await expected.numbers("adamw.loss");
  if (recorded.length === steps) return { steps, recorded };
  throw new DataError(`adamw.loss has ${recorded.length} values, expected.json says ${steps} steps.`);
}

export async function* compareSteps(bench: Bench): AsyncGenerator<Comparison> {
  const { recording, space } = bench;
  const { expected, constants } = recording;
  const { steps, recorded } = await recordedSteps(recording);
  const batch = batchFor(bench, "sft");
  const losses: number[] = [];
  const norms: number[] = [];
  for (let step = 0; step < steps; step += 1) {
    const sums = await space.step([batch], SFT_LOSS, constants.adamw.lr);
    losses.push(sums.loss);
    norms.push(sums.gradNorm);
  }
  yield compareNumbers("adamw losses", { got: losses, want: recorded }, LOSS);
  if (expected.has("adamw.grad_norm")) {
    const want = await expected.numbers("adamw.grad_norm");
    yield compareNumbers("adamw gradient norms", { got: norms, want }, NORM);
  }
  yield* compareTensors(recording, "adamw.param.", {
    quantity: "adamw parameters",
    got: await space.parameters(),
    options: PARAMETER,
  });
}
