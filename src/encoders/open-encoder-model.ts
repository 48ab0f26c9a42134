/** Which model a kind of encoder is. */

import { ClipModel } from "./clip-model.ts";
import type { EncoderKind, EncoderModel } from "./encoder-thread.ts";
import { VitModel } from "./vit-model.ts";

/** Throws CheckpointError where the directory does not hold one of this kind. */
export function openEncoderModel(
  kind: EncoderKind,
  directory: string,
  threads: number,
): Promise<EncoderModel> {
  return kind === "clip" ? ClipModel.open(directory, threads) : VitModel.open(directory, threads);
}
