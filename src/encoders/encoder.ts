/** What turns pictures and texts into vectors that can be compared. Each is of length 1. */

import type { Picture } from "../images/picture.ts";

export interface PictureEncoder {
  /** One vector a picture, in order. Equal pictures asked again soon cost nothing. */
  pictures(pictures: readonly Picture[]): Promise<Float32Array[]>;
}

/** One whose pictures and texts share a space. */
export interface PictureTextEncoder extends PictureEncoder {
  /** One vector a text, in order; texts are cut where the model reads no further. */
  texts(texts: readonly string[]): Promise<Float32Array[]>;
  /** What a cosine is multiplied with to become a logit. */
  readonly logitScale: number;
}
