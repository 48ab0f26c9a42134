/**
 * Nearest upsampling by two and a 3 × 3 convolution, in one. Of the nine elements that a window sees after upsampling
 * many are equal, so every second output row and column is a 2 × 2 window over the small picture, with weights added
 * up: 16 products a small element where there were 36, and the large copy is never made. (Odena et al. 2016 describe
 * the layer; interleaving the phases is the sub-pixel convolution of Shi et al. 2016.)
 */

import { convolution } from "../../tensor/ops/convolution.ts";
import { constant } from "../../tensor/ops/leaves.ts";
import { matmul } from "../../tensor/ops/matmul.ts";
import { concat, reshape, slice, transpose } from "../../tensor/ops/shape.ts";
import type { Value } from "../../tensor/value.ts";

/** Which of three neighbours fall on each of the two elements that an output sees: [parity][element][neighbour]. */
const FOLDS = [
  [
    [1, 0, 0],
    [0, 1, 1],
  ],
  [
    [1, 1, 0],
    [0, 0, 1],
  ],
] as const;

const PARITIES = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;

/** [9, 16]: from a window's nine weights to the four windows of 2 × 2, one a parity of row and column. */
function foldMatrix(): Value {
  const matrix = new Float32Array(9 * 16);
  for (const [parity, [row, column]] of PARITIES.entries()) {
    for (let place = 0; place < 4 * 9; place += 1) {
      const [element, neighbour] = [Math.floor(place / 9), place % 9];
      const down = FOLDS[row][Math.floor(element / 2) as 0 | 1][Math.floor(neighbour / 3) as 0 | 1 | 2];
      const across = FOLDS[column][(element % 2) as 0 | 1][(neighbour % 3) as 0 | 1 | 2];
      matrix[neighbour * 16 + parity * 4 + element] = down * across;
    }
  }
  return constant(matrix, [9, 16]);
}

/** [B, I, H, W] with a weight [O, I, 3, 3] and a bias [O]: [B, O, 2H, 2W]. */
export function upsampledConvolution(operand: Value, weight: Value, bias: Value): Value {
  const [batch, , height, width] = operand.shape as [number, number, number, number];
  const [outputs, inputs] = weight.shape as [number, number];
  const folded = matmul(reshape(weight, [outputs * inputs, 9]), foldMatrix());
  const windows = transpose(reshape(folded, [outputs * inputs, 4, 4]), [1, 0, 2]);
  const phases = PARITIES.map(([row, column], parity) => {
    const window = reshape(slice(windows, 0, parity, parity + 1), [outputs, inputs, 2, 2]);
    return convolution(operand, window, bias, {
      before: [1 - row, 1 - column],
      after: [row, column],
    });
  });
  const apart = reshape(concat(phases, 1), [batch, 2, 2, outputs, height, width]);
  return reshape(transpose(apart, [0, 3, 4, 1, 5, 2]), [batch, outputs, 2 * height, 2 * width]);
}
