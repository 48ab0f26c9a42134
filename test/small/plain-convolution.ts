/** Convolution as plain loops over numbers, to compare kernels with. */

import type { ConvolutionOptions } from "../../src/tensor/ops/convolution.ts";
import { sizeOf } from "../../src/tensor/value.ts";

export interface PlainTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** [B, I, …] with a weight [O, I, …]: [B, O, …], as `convolution` defines it, in double precision. */
export function plainConvolution(
  operand: PlainTensor,
  weight: PlainTensor,
  options: ConvolutionOptions & { readonly bias?: Float32Array } = {},
): PlainTensor {
  const size = operand.shape.slice(2);
  const kernel = weight.shape.slice(2);
  const each = (list: readonly number[] | undefined, axis: number, otherwise: number): number =>
    list?.[axis] ?? otherwise;
  const steps = size.map((length, axis) => {
    const padded = length + each(options.before, axis, 0) + each(options.after, axis, 0);
    return Math.floor((padded - (kernel[axis] as number)) / each(options.stride, axis, 1)) + 1;
  });
  const [batch, channels] = operand.shape as [number, number];
  const shape = [batch, weight.shape[0] as number, ...steps];
  const values = new Float32Array(sizeOf(shape));
  for (let index = 0; index < values.length; index += 1) {
    const [item, output, ...place] = placeOf(index, shape) as [number, number, ...number[]];
    let total = options.bias?.[output] ?? 0;
    for (let seen = 0; seen < channels * sizeOf(kernel); seen += 1) {
      const [channel, ...offset] = placeOf(seen, [channels, ...kernel]) as [number, ...number[]];
      const at = place.map(
        (step, axis) =>
          step * each(options.stride, axis, 1) + (offset[axis] as number) - each(options.before, axis, 0),
      );
      if (at.some((position, axis) => position < 0 || position >= (size[axis] as number))) continue;
      const from = at.reduce(
        (offsetSoFar, position, axis) => offsetSoFar * (size[axis] as number) + position,
        item * channels + channel,
      );
      total +=
        (operand.values[from] as number) *
        (weight.values[output * channels * sizeOf(kernel) + seen] as number);
    }
    values[index] = total;
  }
  return { shape, values };
}

/** Indices along each axis of the element at this place of a row-major array. */
function placeOf(index: number, shape: readonly number[]): number[] {
  const place: number[] = [];
  let rest = index;
  for (const size of shape.toReversed()) {
    place.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return place;
}
