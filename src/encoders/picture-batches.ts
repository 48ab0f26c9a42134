/** Pictures through a vision tower, a batch at a time. */

import type { Picture } from "../images/picture.ts";
import type { GraphRunner } from "../tensor/graph-runner.ts";
import { input } from "../tensor/ops/leaves.ts";
import type { Feeds } from "../tensor/session.ts";
import type { Value } from "../tensor/value.ts";
import { framed, writeNormalized, type Preprocessing } from "./preprocessing.ts";
import { ParameterInputs } from "./weights.ts";
import type { Parameters } from "./transformer.ts";

/** Pictures of a full batch: more do not run faster on a processor, and each takes memory. */
const MOST = 16;

/** A tower as a graph: pixels [B, 3, side, side] to vectors [B, N]. */
export type Tower = (parameters: Parameters, pixels: Value) => Value;

export interface TowerRun {
  readonly runner: GraphRunner;
  readonly tower: Tower;
  readonly weights: Feeds;
  readonly side: number;
  readonly rule: Preprocessing;
}

/** One vector a picture. */
export async function vectorsOf(pictures: readonly Picture[], run: TowerRun): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (let start = 0; start < pictures.length; start += MOST) {
    const batch = pictures.slice(start, start + MOST);
    vectors.push(...(await batchVectors(pixelsOf(batch, run), batch.length, run)));
  }
  return vectors;
}

/** [B, 3, side, side], where B is the count or a little more. */
export function pixelsOf(
  pictures: readonly Picture[],
  { side, rule }: Pick<TowerRun, "side" | "rule">,
): Float32Array {
  const one = 3 * side * side;
  const pixels = new Float32Array(batchSize(pictures.length) * one);
  for (const [index, picture] of pictures.entries()) {
    writeNormalized(framed(picture, rule), rule, pixels, index * one);
  }
  return pixels;
}

async function batchVectors(pixels: Float32Array, count: number, run: TowerRun): Promise<Float32Array[]> {
  const { runner, tower, weights, side } = run;
  const size = batchSize(count);
  const recipe = {
    key: ["pictures", size],
    build: () => ({
      vectors: tower(new ParameterInputs().parameters, input("pixels", [size, 3, side, side])),
    }),
  };
  const { read } = await runner.run(recipe, { ...weights, pixels });
  return rowsOf(read["vectors"] as Float32Array, size).slice(0, count);
}

/** Few sizes, so that few graphs are made: the next power of two. */
export function batchSize(count: number): number {
  return 2 ** Math.ceil(Math.log2(count));
}

/** [B, N] as B rows of their own. */
export function rowsOf(values: Float32Array, count: number): Float32Array[] {
  const width = values.length / count;
  return Array.from({ length: count }, (_, row) => values.slice(row * width, (row + 1) * width));
}
