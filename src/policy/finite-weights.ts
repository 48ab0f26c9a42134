/**
 * Weights that are NaN or infinite give NaN for every prompt, and a run that started from them learns nothing: whoever
 * reads weights to compute with them asks here.
 */

import { CheckpointError } from "../errors.ts";

/** How many values are NaN or infinite. A fraction of what reading them from a disk takes. */
export function countNotFinite(values: Float32Array): number {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let count = 0;
  for (let index = 0; index < words.length; index += 1) {
    if ((words[index]! & 0x7f800000) === 0x7f800000) count += 1;
  }
  return count;
}

/** Throws CheckpointError for a tensor with a value that is not finite. Returns the others. */
export function finiteWeights<Values extends Float32Array>(
  values: Values,
  name: string,
  path: string,
): Values {
  const count = countNotFinite(values);
  if (count === 0) return values;
  const share = `${count.toLocaleString("en-US")} of its ${values.length.toLocaleString("en-US")} values`;
  throw new CheckpointError(`${path}: ${name} is not finite: ${share} are NaN or infinite.`, {
    hint: "Whatever trained these weights went wrong. Use an earlier checkpoint.",
  });
}
