/** Opens the vision tokenizer that lies beside a checkpoint. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError } from "../errors.ts";
import { PatchCodebook } from "./patch-codebook.ts";
import type { VisionTokenizer } from "./vision-tokenizer.ts";

/** Throws CheckpointError where `vision_tokenizer.json` is missing, damaged or of a kind that is not known. */
export async function openVisionTokenizer(directory: string): Promise<VisionTokenizer> {
  const path = join(directory, "vision_tokenizer.json");
  let content: string;
  try {
    content = await readFile(path, "utf8");
  } catch (cause) {
    throw new CheckpointError(`${directory} has no vision tokenizer: cannot read vision_tokenizer.json.`, {
      hint: "Use a checkpoint that earl saved; it holds the codebook that its image tokens mean.",
      cause,
    });
  }
  try {
    return PatchCodebook.read(JSON.parse(content));
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    throw new CheckpointError(`${path} is not JSON.`, { hint: "Copy it again from the checkpoint.", cause });
  }
}
