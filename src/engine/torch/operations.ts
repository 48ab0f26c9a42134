/**
 * Floating-point operations of the matrix products that passes need, counted from sizes: what the onnx engine's compiler
 * counts in its graphs, without padding. Layers that are computed again are not counted twice.
 */

import { loraShapes } from "../../policy/lora.ts";
import type { PolicyConfig } from "../../policy/config.ts";
import { PROJECTIONS, projectionShape, sizeOf, type Projection } from "../../policy/parameters.ts";
import type { Segment } from "../../tokens/grammar.ts";
import type { EngineRequest, Trained } from "../engine-host.ts";
import { policyParts, type PolicyParts } from "../onnx/policy-parts.ts";
import type { OptimizerSettings } from "../optimizer-settings.ts";
import type { Microbatch } from "./microbatches.ts";

/** Projections that read the same rows, in the order of the forward pass; attention comes after the first. */
const STAGES: readonly (readonly Projection[])[] = [
  ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
  ["self_attn.o_proj"],
  ["mlp.gate_proj", "mlp.up_proj"],
  ["mlp.down_proj"],
];
/** What others read of a token, also in the last layer of a prompt. */
const READ_BY_OTHERS: readonly Projection[] = ["self_attn.k_proj", "self_attn.v_proj"];

type Pass = Pick<Microbatch, "layout" | "arrays">;

interface Model {
  readonly config: PolicyConfig;
  readonly segments: readonly Segment[];
  readonly trained: Trained;
}

type Ranks = readonly (readonly Microbatch[])[];
type Request = Pick<EngineRequest, "config" | "grammar" | "trained" | "optimizer">;

/** Forward passes of all ranks. */
export function scoringOperations(request: Request, ranks: Ranks): number {
  return workOf(ranks).reduce((sum, pass) => sum + forwardOperations(modelOf(request), pass), 0);
}

/** Forward and backward passes of all ranks, and the update. */
export function stepOperations(request: Request, ranks: Ranks): number {
  const passes = workOf(ranks).reduce((sum, pass) => sum + trainingOperations(modelOf(request), pass), 0);
  return passes + updateOperations(policyParts(request), request.optimizer);
}

/** Passes that are not repeated so that a rank has something to do. */
function workOf(ranks: Ranks): Microbatch[] {
  return ranks.flat().filter(({ isIdle }) => !isIdle);
}

function modelOf({ config, grammar, trained }: Request): Model {
  return { config, segments: grammar.segments, trained };
}

/** Forward pass of a microbatch. */
export function forwardOperations(model: Model, pass: Pass): number {
  return passOperations(model, pass, false);
}

/**
 * Forward and backward of a microbatch. A product has two gradients; frozen weights need none of theirs, and nothing
 * does that comes before all that is trained.
 */
export function trainingOperations(model: Model, pass: Pass): number {
  return passOperations(model, pass, true);
}

function passOperations(
  { config, segments, trained }: Model,
  { layout, arrays }: Pass,
  isBackward: boolean,
): number {
  const adapters = typeof trained === "object" ? trained : undefined;
  const rank = adapters?.rank ?? 0;
  const adapted = new Set(adapters && loraShapes(config, adapters).map(({ name }) => name));
  const prompts = layout.reduce((sum, [s]) => sum + s, 0);
  const completions = layout.reduce((sum, [, g, t]) => sum + g * t, 0);
  const promptPairs = layout.reduce((sum, [s]) => sum + s * s, 0);
  const completionPairs = layout.reduce((sum, [s, g, t]) => sum + g * t * (s + t), 0);
  // How often a product is made for itself, for its weights' gradient, and for that of what it reads.
  const forWeights = isBackward && trained === "all" ? 1 : 0;
  const forAdapters = isBackward ? 1 : 0;
  // The embedding is trained with all the rest.
  let forRows = forWeights;
  let total = 0;
  for (let layer = 0; layer < config.layers; layer += 1) {
    const isLast = layer === config.layers - 1;
    for (const [stage, projections] of STAGES.entries()) {
      const own = projections.filter((one) => adapted.has(`model.layers.${layer}.${one}.weight`));
      for (const projection of projections) {
        const rows = completions + (isLast && !READ_BY_OTHERS.includes(projection) ? 0 : prompts);
        const [output, input] = projectionShape(config, projection);
        total += 2 * rows * output * input * (1 + forWeights + forRows);
        if (!own.includes(projection)) continue;
        total += 2 * rows * rank * (input * (1 + forAdapters + forRows) + output * (1 + 2 * forAdapters));
      }
      if (own.length > 0) forRows = forAdapters;
      if (stage > 0) continue;
      const pairs = completionPairs + (isLast ? 0 : promptPairs);
      total += pairs * pairCost(config) * (1 + 2 * forRows);
    }
  }
  const head = segments.reduce(
    (sum, segment, k) => sum + headOperations(config, segment) * (arrays.get(`rows.${k}`)?.length ?? 0),
    0,
  );
  return total + head * (1 + forWeights + forRows);
}

/** What Muon multiplies in a step; nothing with AdamW. */
export function updateOperations({ trained, squared }: PolicyParts, optimizer: OptimizerSettings): number {
  if (optimizer.kind !== "muon") return 0;
  return trained.slice(squared.length).reduce((sum, { shape }) => {
    const [short, long] = [Math.min(...shape), sizeOf(shape) / Math.min(...shape)];
    return sum + optimizer.iterations * 2 * short * short * (2 * long + short);
  }, 0);
}

/** One query with one key in one layer: its score, and its share of what is read. */
function pairCost({ heads, headSize }: PolicyConfig): number {
  return 4 * heads * headSize;
}

/** Every projection of one token in one layer. */
function tokenCost(config: PolicyConfig, projections: readonly Projection[] = PROJECTIONS): number {
  return projections.reduce((sum, one) => sum + 2 * sizeOf(projectionShape(config, one)), 0);
}

/** Of one row. */
function headOperations({ hiddenSize }: PolicyConfig, { start, end }: Segment): number {
  return 2 * hiddenSize * (end - start);
}

/** A prompt's prefix of so many tokens, of which the last layer gives its keys and values alone. */
export function prefillOperations(config: PolicyConfig, length: number): number {
  const whole = length * tokenCost(config) + length * length * pairCost(config);
  return (config.layers - 1) * whole + length * tokenCost(config, READ_BY_OTHERS);
}

/** One run of a generation: so many steps of so many rows that each see so many keys, drawn from these segments. */
export function decodeOperations(
  config: PolicyConfig,
  run: {
    readonly steps: number;
    readonly rows: number;
    readonly keys: number;
    readonly drawn: readonly Segment[];
  },
): number {
  const head = run.drawn.reduce((sum, segment) => sum + headOperations(config, segment), 0);
  return run.steps * run.rows * (config.layers * (tokenCost(config) + run.keys * pairCost(config)) + head);
}
