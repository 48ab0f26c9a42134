/** What turns pictures and texts into vectors that can be compared. */

import type { Picture } from "../images/picture.ts";

export interface PictureEncoder {
  /** One vector a picture, in order, as the model gives it. A picture that was asked about before costs nothing. */
  pictures(pictures: readonly Picture[]): Promise<Float32Array[]>;
}

/** One whose pictures and texts share a space. */
export interface PictureTextEncoder extends PictureEncoder {
  /** One vector a text, in order; texts are cut where the model reads no further. */
  texts(texts: readonly string[]): Promise<Float32Array[]>;
  /** What a cosine is multiplied with to become a logit. */
  logitScale(): Promise<number>;
}

/** The vector at length 1; one of length 0 stays. */
export function unit(vector: Float32Array): Float64Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return Float64Array.from(vector, (value) => (length === 0 ? 0 : value / length));
}

/** The cosine between two vectors, −1…1; undefined where one has no direction. */
export function cosine(one: ArrayLike<number>, other: ArrayLike<number>): number | undefined {
  let [product, first, second] = [0, 0, 0];
  for (let at = 0; at < one.length; at += 1) {
    product += one[at]! * other[at]!;
    first += one[at]! ** 2;
    second += other[at]! ** 2;
  }
  return first === 0 || second === 0 ? undefined : product / Math.sqrt(first * second);
}
