/**
 * What of a policy is trained and what is given. Trained parameters lie in one flat array that each step replaces;
 * given ones are inputs that nothing writes. Full training gives nothing; LoRA gives the policy's own weights and trains
 * adapters beside them; inference is given everything.
 */

import type { PolicyConfig } from "../../policy/config.ts";
import { loraScale, loraShapes, type LoraSettings } from "../../policy/lora.ts";
import { EMBEDDING, HEAD, parameterShapes, sizeOf, type ParameterShape } from "../../policy/parameters.ts";
import { multiply } from "../../tensor/ops/elementwise.ts";
import { input, scalar } from "../../tensor/ops/leaves.ts";
import type { Value } from "../../tensor/value.ts";
import type { Trained } from "../engine-host.ts";
import type { OptimizerSettings } from "../optimizer-settings.ts";

/** What the graphs of a policy are built from. */
export interface GraphPolicy {
  readonly config: PolicyConfig;
  /** "all" where not given. */
  readonly trained?: Trained;
  /** What moves the trained ones; AdamW where not given. */
  readonly optimizer?: Pick<OptimizerSettings, "kind">;
}

/** Parameters of a policy as graph values, by name; an adapter's B is there with its scale. */
export type Weights = ReadonlyMap<string, Value>;

export interface PolicyParts {
  /** In the order that they lie in the flat array. */
  readonly trained: readonly ParameterShape[];
  /** The first of the trained ones, those that AdamW moves: a mean of squares is kept of each. */
  readonly squared: readonly ParameterShape[];
  readonly given: readonly ParameterShape[];
}

export function policyParts({ config, trained = "all", optimizer }: GraphPolicy): PolicyParts {
  const own = parameterShapes(config);
  const kind = optimizer?.kind ?? "adamw";
  if (trained === "all") return { ...inFlatOrder(own, kind), given: [] };
  if (trained === "none") return { trained: [], squared: [], given: own };
  return { ...inFlatOrder(adapterShapes(config, trained), kind), given: own };
}

/** AdamW's as they come; behind them Muon's, those of one shape beside each other. */
function inFlatOrder(
  shapes: readonly ParameterShape[],
  kind: OptimizerSettings["kind"],
): Pick<PolicyParts, "trained" | "squared"> {
  if (kind === "adamw") return { trained: shapes, squared: shapes };
  const squared = shapes.filter((one) => !isInnerMatrix(one));
  const inner = shapes.filter(isInnerMatrix).toSorted((left, right) => byShape(left.shape, right.shape));
  return { trained: [...squared, ...inner], squared };
}

/** Embeddings and head are tables of ids, not maps from states to states. */
function isInnerMatrix({ name, shape }: ParameterShape): boolean {
  return shape.length === 2 && name !== EMBEDDING && name !== HEAD;
}

function byShape(left: readonly number[], right: readonly number[]): number {
  return sizeOf(left) - sizeOf(right) || (left[0] as number) - (right[0] as number);
}

/** Names of the two matrices beside a projection. */
export function adapterNames(projection: string): { readonly a: string; readonly b: string } {
  const module = projection.replace(/\.weight$/, "");
  return { a: `${module}.lora_A.weight`, b: `${module}.lora_B.weight` };
}

/** A [rank, input] and B [output, rank] of every adapted projection, in the order of the forward pass. */
function adapterShapes(config: PolicyConfig, settings: LoraSettings): ParameterShape[] {
  const { rank } = settings;
  return loraShapes(config, settings).flatMap(({ name, output, input: width }) => [
    { name: adapterNames(name).a, shape: [rank, width] },
    { name: adapterNames(name).b, shape: [output, rank] },
  ]);
}

/** A graph's weights, where all of them are fed by name. */
export function weightInputs(policy: GraphPolicy): Weights {
  const { trained, given } = policyParts(policy);
  return weightsOf(policy, inputsOf([...given, ...trained]));
}

/** Parameters as graph inputs, by name. */
export function inputsOf(shapes: readonly ParameterShape[]): Map<string, Value> {
  return new Map(shapes.map(({ name, shape }) => [name, input(name, shape)]));
}

/** Parameters as the decoder takes them. */
export function weightsOf({ config, trained = "all" }: GraphPolicy, values: Map<string, Value>): Weights {
  if (trained === "all" || trained === "none") return values;
  const weights = new Map(values);
  const scale = scalar(loraScale(trained));
  for (const { name } of loraShapes(config, trained)) {
    const { b } = adapterNames(name);
    // The scale on B costs less than on the product, which has a row for every token.
    weights.set(b, multiply(values.get(b) as Value, scale));
  }
  return weights;
}
