/**
 * The front door of vision tokenizers: the kinds that `vision_tokenizer.json` beside a checkpoint can name, each with what
 * the file says about it. Emu3's own directories have no such file and are known by their config.json.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { openChoice, type Variant } from "../config/choice.ts";
import { CheckpointError } from "../errors.ts";
import { readJsonFile } from "../policy/published-file.ts";
import { hasMovqConfig } from "./movq/config-file.ts";
import { MOVQ, MovqTokenizer } from "./movq/movq-tokenizer.ts";
import { PATCH_CODEBOOK } from "./patch-codebook.ts";
import type { VisionContext, VisionPlaces } from "./vision-context.ts";
import { VISION_FILE, type VisionTokenizer } from "./vision-tokenizer.ts";

export const VISION_TOKENIZERS: Readonly<Record<string, Variant<VisionContext, Promise<VisionTokenizer>>>> = {
  "patch-codebook": PATCH_CODEBOOK,
  movq: MOVQ,
};

/**
 * Opens what lies in a directory: `vision_tokenizer.json` counts first; without it, config.json must describe a MoVQ
 * (`Emu3VisionVQ`, `emu3_vqgan`, or `emu3`, whose files hold one beside the language model). Throws CheckpointError
 * where neither is there, or one is damaged or of an unknown kind.
 */
export async function openVisionTokenizer(
  directory: string,
  places: VisionPlaces = {},
): Promise<VisionTokenizer> {
  const path = join(directory, VISION_FILE);
  if (!existsSync(path)) {
    if (await hasMovqConfig(directory)) return MovqTokenizer.open(directory, places.movq);
    throw new CheckpointError(
      `${directory} has no vision tokenizer: cannot read ${VISION_FILE}, and no config.json of Emu3's.`,
      {
        hint: "Name the directory of BAAI/Emu3-VisionTokenizer: --vision-tokenizer DIR, policy.visionTokenizer in a config.",
      },
    );
  }
  return openChoice(VISION_TOKENIZERS, settingsIn(await readJsonFile(path, COPY), path), { ...places, path });
}

const COPY = "Copy it again from the checkpoint.";
const Kind = z.looseObject({ kind: z.string() });

function settingsIn(json: unknown, path: string): { readonly kind: string } {
  const named = Kind.safeParse(json);
  if (!named.success) throw new CheckpointError(`${path} does not say its kind.`, { hint: COPY });
  const { kind, ...options } = named.data;
  const variant = Object.hasOwn(VISION_TOKENIZERS, kind) ? VISION_TOKENIZERS[kind] : undefined;
  if (variant === undefined) {
    const known = Object.keys(VISION_TOKENIZERS).join(", ");
    throw new CheckpointError(`${path} is of the kind "${kind}"; known are ${known}.`, {
      hint: "A newer version of earl may know it.",
    });
  }
  const checked = variant.options.safeParse(options);
  if (checked.success) return { kind, ...checked.data };
  throw new CheckpointError(`${path} cannot be used: ${z.prettifyError(checked.error)}`, { hint: COPY });
}
