/** Opens the vision tokenizer that lies in a directory: beside a checkpoint that earl saved, or as Emu3 is published. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { CheckpointError } from "../errors.ts";
import { readJsonFile } from "../policy/published-file.ts";
import { hasMovqConfig } from "./movq/config-file.ts";
import { MOVQ_KIND, MovqTokenizer } from "./movq/movq-tokenizer.ts";
import { PatchCodebook } from "./patch-codebook.ts";
import { VISION_FILE, type VisionTokenizer } from "./vision-tokenizer.ts";

const MovqReference = z.object({ kind: z.literal(MOVQ_KIND), directory: z.string() });

/**
 * `vision_tokenizer.json` counts first; without it, config.json must describe a MoVQ (`Emu3VisionVQ`, `emu3_vqgan`, or
 * `emu3`, whose files hold one beside the language model). Throws CheckpointError where neither is there, or one is damaged or of an unknown kind.
 */
export async function openVisionTokenizer(directory: string): Promise<VisionTokenizer> {
  const path = join(directory, VISION_FILE);
  if (!existsSync(path)) {
    if (await hasMovqConfig(directory)) return MovqTokenizer.open(directory);
    throw new CheckpointError(
      `${directory} has no vision tokenizer: cannot read ${VISION_FILE}, and no config.json of Emu3's.`,
      {
        hint: "Name the directory of BAAI/Emu3-VisionTokenizer: --vision-tokenizer DIR, policy.visionTokenizer in a config.",
      },
    );
  }
  const json = await readJsonFile(path, "Copy it again from the checkpoint.");
  const reference = MovqReference.safeParse(json);
  if (!reference.success) return PatchCodebook.read(json);
  return openReferred(reference.data.directory, path);
}

async function openReferred(directory: string, path: string): Promise<VisionTokenizer> {
  if (await hasMovqConfig(directory)) return MovqTokenizer.open(directory);
  throw new CheckpointError(`${path} refers to the vision tokenizer in ${directory}, which is not there.`, {
    hint: `Download it there, or change "directory" in ${VISION_FILE} to where it lies now.`,
  });
}
