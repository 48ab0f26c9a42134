/** A picture as rows of patches behind a first row of its own (Dosovitskiy et al. 2021, eq. 1). */

import { broadcastTo } from "../tensor/ops/broadcast.ts";
import { convolution } from "../tensor/ops/convolution.ts";
import { add } from "../tensor/ops/elementwise.ts";
import { concat, reshape, transpose } from "../tensor/ops/shape.ts";
import type { Value } from "../tensor/value.ts";

export interface PatchParts {
  /** Side of a patch, in pixels. */
  readonly patch: number;
  /** [width, 3, patch, patch] */
  readonly weight: Value;
  /** [width] */
  readonly bias?: Value;
  /** The row before the patches; any shape of `width` numbers. */
  readonly first: Value;
  /** Added to the rows, of which there are so many; any shape of `count · width` numbers. */
  readonly positions: (count: number) => Value;
}

/** Pixels [B, 3, side, side] as [B, 1 + patches, width]. */
export function patchRows(pixels: Value, { patch, weight, bias, first, positions }: PatchParts): Value {
  const grid = convolution(pixels, weight, bias, { stride: [patch, patch] });
  const [batch, width, height, breadth] = grid.shape as [number, number, number, number];
  const patches = transpose(reshape(grid, [batch, width, height * breadth]), [0, 2, 1]);
  const firsts = broadcastTo(reshape(first, [1, 1, width]), [batch, 1, width]);
  const count = 1 + height * breadth;
  return add(concat([firsts, patches], 1), reshape(positions(count), [1, count, width]));
}
