/**
 * LoRA (Hu et al. 2021, section 4.1): a weight W [output, input] stays frozen and B·A is learned beside it, with
 * A [rank, input] and B [output, rank]. The adapted weight is W + scale · B·A.
 */

import { ConfigError, ShapeError } from "../errors.ts";
import { Rng } from "../random.ts";
import type { PolicyConfig } from "./config.ts";
import { projectionShape, type Projection } from "./parameters.ts";
import { MOST } from "./size-limits.ts";

export interface LoraSettings {
  readonly rank: number;
  readonly alpha: number;
  readonly targets: readonly Projection[];
  /** True: scale is alpha / √rank (Kalajdzievski 2023) instead of alpha / rank. */
  readonly isRankStabilised: boolean;
  /** Parameters that are adapted, where not every layer's targets are. */
  readonly only?: readonly string[];
  /** True where the base is `Emu3ForConditionalGeneration`, in which PEFT finds the policy at `model.text_model`. */
  readonly isNested?: boolean;
}

export interface LoraPair {
  /** [rank, input] */
  readonly a: Float32Array;
  /** [output, rank] */
  readonly b: Float32Array;
}

export interface LoraShape {
  /** The parameter that is adapted. */
  readonly name: string;
  readonly output: number;
  readonly input: number;
}

/** What B·A is multiplied by. */
export function loraScale(settings: Pick<LoraSettings, "rank" | "alpha" | "isRankStabilised">): number {
  return settings.alpha / (settings.isRankStabilised ? Math.sqrt(settings.rank) : settings.rank);
}

/** What about an adapter's numbers makes no sense, one sentence each; empty for a sound one. */
export function loraMisfits(settings: Pick<LoraSettings, "rank" | "alpha" | "isRankStabilised">): string[] {
  const { rank, alpha } = settings;
  if (!Number.isInteger(rank) || rank < 1) return [`rank ${rank} learns nothing`];
  if (rank > MOST.rank) return [`rank ${rank} is more than ${MOST.rank}, the most that earl takes`];
  const scale = loraScale(settings);
  if (!(scale > 0))
    return [`alpha ${alpha} is not above 0, and the adapter would count for nothing or against itself`];
  // Whatever B·A has learned, it would drown the weights that it is added to.
  if (!(scale <= MOST.adapterScale)) {
    return [
      `alpha ${alpha} at rank ${rank} multiplies the adapter by ${scale}; at most ${MOST.adapterScale} is taken`,
    ];
  }
  return [];
}

/**
 * The adapted parameters in the order of the forward pass. Throws ConfigError for settings that learn nothing or make
 * no sense.
 */
export function loraShapes(config: PolicyConfig, settings: LoraSettings): LoraShape[] {
  const faults = loraMisfits(settings);
  if (settings.targets.length === 0) faults.push("no projection is adapted");
  if (faults.length > 0) {
    throw new ConfigError(`LoRA cannot work: ${faults.join("; ")}.`, {
      hint: "Set policy.lora: a rank of 1 or more, an alpha of once or twice the rank, at least one target.",
    });
  }
  const only = settings.only === undefined ? undefined : new Set(settings.only);
  const shapes: LoraShape[] = [];
  for (let layer = 0; layer < config.layers; layer += 1) {
    for (const target of settings.targets) {
      const [output, input] = projectionShape(config, target);
      const name = `model.layers.${layer}.${target}.weight`;
      if (only?.has(name) ?? true) shapes.push({ name, output, input });
    }
  }
  return shapes;
}

/** Parameters that are learned. */
export function loraParameterCount(config: PolicyConfig, settings: LoraSettings): number {
  return loraShapes(config, settings).reduce(
    (count, { output, input }) => count + settings.rank * (output + input),
    0,
  );
}

/**
 * A fresh adapter that changes nothing yet: B is 0, A uniform in ±1/√input, as PEFT starts it (Kaiming's uniform
 * with slope √5).
 */
export function initialLora(
  config: PolicyConfig,
  settings: LoraSettings,
  seed: number,
): Map<string, LoraPair> {
  const pairs = new Map<string, LoraPair>();
  for (const { name, output, input } of loraShapes(config, settings)) {
    const rng = Rng.from(seed, "lora", name);
    const a = Float32Array.from(
      { length: settings.rank * input },
      () => (2 * rng.uniform() - 1) / Math.sqrt(input),
    );
    pairs.set(name, { a, b: new Float32Array(output * settings.rank) });
  }
  return pairs;
}

/** W + scale · B·A, a new array; sums are taken in float64. Throws ShapeError where the three do not fit together. */
export function adaptedWeight(
  weight: Float32Array,
  pair: LoraPair,
  rank: number,
  scale: number,
): Float32Array {
  const input = pair.a.length / rank;
  const output = pair.b.length / rank;
  if (!Number.isInteger(input) || !Number.isInteger(output) || input * output !== weight.length) {
    throw new ShapeError(
      `LoRA of rank ${rank} with ${pair.a.length} and ${pair.b.length} values does not fit a weight of ${weight.length}.`,
    );
  }
  const merged = new Float32Array(weight.length);
  const row = new Float64Array(input);
  for (let out = 0; out < output; out += 1) {
    row.fill(0);
    for (let k = 0; k < rank; k += 1)
      addScaled(row, pair.a.subarray(k * input, (k + 1) * input), pair.b[out * rank + k]!);
    const start = out * input;
    for (let index = 0; index < input; index += 1)
      merged[start + index] = weight[start + index]! + scale * row[index]!;
  }
  return merged;
}

function addScaled(row: Float64Array, values: Float32Array, factor: number): void {
  for (let index = 0; index < row.length; index += 1) row[index]! += factor * values[index]!;
}
