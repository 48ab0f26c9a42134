/** What tells the vision tokenizer that made code grids from every other one. */

import { createHash } from "node:crypto";

import { readMovqConfig } from "./movq/config-file.ts";
import { allMovqShapes } from "./movq/parameters.ts";
import { openMovqWeights } from "./movq/weights.ts";
import { VISION_FILE, type VisionTokenizer } from "./vision-tokenizer.ts";

export interface VisionFingerprint {
  readonly kind: string;
  /** SHA-256 in hex; equal for equal tokenizers, wherever they lie and whatever type their weights are stored in. */
  readonly fingerprint: string;
}

/** What decides which code a patch gets: the codebook, and where the encoder begins and ends. */
const DECISIVE = /^(?:quantize|quant_conv|encoder\.conv_in|encoder\.conv_out)\b/;

/** Of MoVQ the config and the decisive weights are looked at, of others the file that restores them. */
export async function visionFingerprint(vision: Pick<VisionTokenizer, "files">): Promise<VisionFingerprint> {
  const content = vision.files().get(VISION_FILE) ?? new Uint8Array();
  const { kind, directory } = JSON.parse(Buffer.from(content).toString("utf8")) as {
    readonly kind: string;
    readonly directory?: string;
  };
  const hash = createHash("sha256");
  if (directory === undefined) return { kind, fingerprint: hash.update(content).digest("hex") };
  const file = await readMovqConfig(directory);
  hash.update(JSON.stringify(file.config));
  const names = [...allMovqShapes(file.config).keys()].filter((name) => DECISIVE.test(name)).toSorted();
  const weights = await (await openMovqWeights(directory, file))(names);
  for (const name of names) {
    const values = weights.get(name) ?? new Float32Array();
    hash.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return { kind, fingerprint: hash.digest("hex") };
}
