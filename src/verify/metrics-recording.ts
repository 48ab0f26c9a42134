/** A recording of measures: edits with pictures and words, and what torch and transformers made of them. */

import { readFile, readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { DataError } from "../errors.ts";
import type { MeasuredEdit } from "../evaluate/benchmark.ts";
import { decodePicture } from "../images/codec.ts";
import type { Picture } from "../images/picture.ts";
import { refuseLfsPointer } from "../lfs-pointer.ts";
import { jsonIn } from "./recorded-json.ts";

const FOLDER = "pairs";
const PICTURE = /^(\d+)-(source|target|edited|mask)\.(?:png|jpe?g|webp)$/i;

/** Null stands for a number that JSON does not have. */
const figures = z.record(z.string(), z.number().nullable());

export const MetricsRecording = z.looseObject({
  /** What masked pixels are set to, 0…255. */
  mask_fill: z.int().min(0).max(255).default(255),
  /** Ids of a text at most; as many as the model reads unless given. */
  clip_max_length: z.int().min(2).optional(),
  pairs: z
    .array(
      z.looseObject({
        source_caption: z.string().optional(),
        target_caption: z.string().optional(),
        local_caption: z.string().optional(),
        text_ids: z.record(z.string(), z.array(z.int())).default({}),
        magicbrush: figures.optional(),
        emuedit: figures.optional(),
        i2ebench: figures.optional(),
        pixels: figures.optional(),
        style_logit: z.number().optional(),
      }),
    )
    .min(1),
});
export type RecordedEdit = z.infer<typeof MetricsRecording>["pairs"][0];

/** The folder with `pairs/`, where `directory` is it or `pairs/` itself; undefined where it is neither. */
export async function metricsRecordingAt(directory: string): Promise<string | undefined> {
  for (const at of [
    directory,
    ...(basename(resolve(directory)) === FOLDER ? [dirname(resolve(directory))] : []),
  ]) {
    if (MetricsRecording.safeParse(await jsonIn(expectedFile(at))).success) return at;
  }
  return undefined;
}

export function expectedFile(directory: string): string {
  return join(directory, FOLDER, "expected.json");
}

export function expectedTensors(directory: string): string {
  return join(directory, FOLDER, "expected.safetensors");
}

export interface RecordedPictures {
  readonly source: Picture;
  readonly edited: Picture;
  readonly target?: Picture;
  readonly mask?: Picture;
}

/** The pictures of each edit. Throws DataError where source or edited picture are missing or one is damaged. */
export async function recordedPictures(directory: string, count: number): Promise<RecordedPictures[]> {
  const folder = join(directory, FOLDER);
  const names = new Map<string, string>();
  for (const name of await readdir(folder)) {
    const match = PICTURE.exec(name);
    if (match !== null) names.set(`${Number(match[1])}-${match[2]!.toLowerCase()}`, name);
  }
  const read = async (index: number, part: string): Promise<Picture | undefined> => {
    const name = names.get(`${index}-${part}`);
    if (name === undefined) return undefined;
    const path = join(folder, name);
    const bytes = await readFile(path);
    refuseLfsPointer(path, bytes, DataError);
    return decodePicture(bytes, path);
  };
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const [source, edited, target, mask] = await Promise.all(
        ["source", "edited", "target", "mask"].map((part) => read(index, part)),
      );
      if (source === undefined || edited === undefined) {
        const lacking = `${index}-${source === undefined ? "source" : "edited"}`;
        throw new DataError(`The recording lacks ${join(folder, lacking)}.png.`, {
          hint: "Copy the whole folder.",
        });
      }
      return {
        source,
        edited,
        ...(target !== undefined && { target }),
        ...(mask !== undefined && { mask }),
      };
    }),
  );
}

/** The edit as measures see it. */
export function measuredFrom(
  { source, target, mask }: RecordedPictures,
  { source_caption, target_caption, local_caption }: RecordedEdit,
): MeasuredEdit {
  return {
    id: "recorded",
    task: "edit",
    instruction: "",
    source,
    ...(target !== undefined && { target }),
    ...(mask !== undefined && { mask }),
    captions: {
      ...(source_caption !== undefined && { source: source_caption }),
      ...(target_caption !== undefined && { target: target_caption }),
      ...(local_caption !== undefined && { local: local_caption }),
    },
    ...(target_caption !== undefined && { expected: { style: target_caption } }),
  };
}
