/** Floating-point operations of matrix products, counted from sizes as the onnx engine's compiler counts its graphs. */

import type { PolicyConfig } from "../../policy/config.ts";
import type { Segment } from "../../tokens/grammar.ts";
import type { Microbatch } from "./microbatches.ts";

/** Of the projections of one token, and of one query with one key. */
function unitCosts(config: PolicyConfig): { readonly token: number; readonly pair: number } {
  const { hiddenSize, intermediateSize, heads, keyValueHeads, headSize, layers } = config;
  const attention = 2 * hiddenSize * headSize * (heads + keyValueHeads);
  return {
    token: 2 * layers * (attention + 3 * hiddenSize * intermediateSize),
    pair: 4 * layers * heads * headSize,
  };
}

/** Forward pass of a microbatch. */
export function forwardOperations(
  config: PolicyConfig,
  segments: readonly Segment[],
  { layout, arrays }: Microbatch,
): number {
  const { token, pair } = unitCosts(config);
  const body = layout.reduce(
    (sum, [s, g, t]) => sum + (s + g * t) * token + (s * s + g * t * (s + t)) * pair,
    0,
  );
  const head = segments.reduce(
    (sum, segment, k) => sum + headOperations(config, segment) * (arrays.get(`rows.${k}`)?.length ?? 0),
    0,
  );
  return body + head;
}

/** Of one row. */
function headOperations({ hiddenSize }: PolicyConfig, { start, end }: Segment): number {
  return 2 * hiddenSize * (end - start);
}

/** A prompt's prefix of so many tokens. */
export function prefillOperations(config: PolicyConfig, length: number): number {
  const { token, pair } = unitCosts(config);
  return length * token + length * length * pair;
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
  const { token, pair } = unitCosts(config);
  const head = run.drawn.reduce((sum, segment) => sum + headOperations(config, segment), 0);
  return run.steps * run.rows * (token + run.keys * pair + head);
}
