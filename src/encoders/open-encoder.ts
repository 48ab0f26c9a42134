/** Opens encoders from the folders that transformers saves: a CLIP, a ViT that DINO trained. */

import { stat } from "node:fs/promises";

import { CheckpointError } from "../errors.ts";
import { readClipFiles, readVitFiles } from "./encoder-files.ts";
import { EncoderThread, type EncoderKind } from "./encoder-thread.ts";

/**
 * An encoder in a thread that starts when it is first asked. Throws CheckpointError where the folder or a file beside the
 * weights is missing, or of another kind; weights are read later.
 */
export async function openEncoder(kind: EncoderKind, directory: string, threads = 0): Promise<EncoderThread> {
  const found = await stat(directory).catch(() => undefined);
  if (found?.isDirectory() !== true) {
    throw new CheckpointError(`There is no folder ${directory}.`, {
      hint: `Fetch ${kind === "clip" ? "openai/clip-vit-base-patch32" : "facebook/dino-vits16"} there, as transformers saves it.`,
    });
  }
  await (kind === "clip" ? readClipFiles(directory) : readVitFiles(directory));
  return new EncoderThread({ kind, directory, threads });
}
