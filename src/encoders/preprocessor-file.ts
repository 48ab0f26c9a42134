/** Rules of preprocessing as they are published beside weights. */

import { access } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

import { CheckpointError } from "../errors.ts";
import { readJsonFile } from "../policy/published-file.ts";
import type { Preprocessing } from "./preprocessing.ts";

const side = z.int().min(1).max(16_384);
const channels = z.tuple([z.number(), z.number(), z.number()]).readonly();
const spreads = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]).readonly();
const shortest = z.looseObject({ shortest_edge: side });
const both = z.looseObject({ width: side, height: side });

/** CLIP's constants (Radford et al. 2021, published code). */
const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
const CLIP_STD = [0.26862954, 0.26130258, 0.27577711] as const;

const ClipFile = z.looseObject({
  do_resize: z.boolean().default(true),
  size: z.union([side, shortest, both]).default(224),
  resample: z.literal(3, "only bicubic resizing (3) is known").default(3),
  do_center_crop: z.boolean().default(true),
  crop_size: z.union([side, both]).default(224),
  do_rescale: z.boolean().default(true),
  rescale_factor: z
    .number()
    .positive()
    .default(1 / 255),
  do_normalize: z.boolean().default(true),
  image_mean: channels.default(CLIP_MEAN),
  image_std: spreads.default(CLIP_STD),
});

/** CLIP's `preprocessor_config.json`. Throws CheckpointError where it is damaged or asks for what is not known. */
export async function clipPreprocessing(directory: string): Promise<Preprocessing> {
  const path = join(directory, "preprocessor_config.json");
  const json = await readJsonFile(path, "Download it beside the weights.");
  const parsed = ClipFile.safeParse(json);
  if (!parsed.success) throw fault(path, parsed.error);
  const file = parsed.data;
  const crop = typeof file.crop_size === "number" ? file.crop_size : file.crop_size.width;
  return {
    resize: file.do_resize ? wantedSize(file.size) : undefined,
    crop: file.do_center_crop ? crop : undefined,
    scale: file.do_rescale ? file.rescale_factor : 1,
    mean: file.do_normalize ? file.image_mean : [0, 0, 0],
    std: file.do_normalize ? file.image_std : [1, 1, 1],
  };
}

function wantedSize(size: z.infer<typeof ClipFile>["size"]): NonNullable<Preprocessing["resize"]> {
  if (typeof size === "number") return size;
  return isShortest(size) ? size.shortest_edge : size;
}

function isShortest(size: object): size is z.infer<typeof shortest> {
  return "shortest_edge" in size;
}

const PROTOCOL_FILE = "preprocessing.json";
const ProtocolFile = z.looseObject({ resize: side, crop: side, mean: channels, std: spreads });

/** ImageNet's mean and spread, as torchvision has them. */
const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
const IMAGENET_STD = [0.229, 0.224, 0.225] as const;

/**
 * DINO's: what a `preprocessing.json` beside the weights says, else MagicBrush's protocol, 256 to 224 pixels, in
 * proportion where the model takes another size. The hub's `preprocessor_config.json` describes another use.
 */
export async function dinoPreprocessing(directory: string, size: number): Promise<Preprocessing> {
  const path = join(directory, PROTOCOL_FILE);
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  const scale = 1 / 255;
  if (!isThere) {
    const resize = Math.round((size * 256) / 224);
    return { resize, crop: size, scale, mean: IMAGENET_MEAN, std: IMAGENET_STD };
  }
  const parsed = ProtocolFile.safeParse(await readJsonFile(path, "Check its permissions."));
  if (!parsed.success) throw fault(path, parsed.error);
  const { resize, crop, mean, std } = parsed.data;
  return { resize, crop, scale, mean, std };
}

function fault(path: string, error: z.ZodError): CheckpointError {
  return new CheckpointError(`${path} cannot be used: ${z.prettifyError(error)}`, {
    hint: "Download it again.",
    cause: error,
  });
}
