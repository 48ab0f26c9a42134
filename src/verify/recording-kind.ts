/** Which kind of recording lies at a path, told by its files and not by its name. */

import { access } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { DataError } from "../errors.ts";
import { SafetensorsFile } from "../policy/safetensors.ts";
import { DatasetsRecording } from "./datasets-agreement.ts";
import { metricsRecordingAt } from "./metrics-recording.ts";
import { jsonIn } from "./recorded-json.ts";
import { RepliesRecording } from "./replies-agreement.ts";
import { SequencesRecording } from "./sequences-agreement.ts";

/** What each kind holds, for whoever gives a path that holds none. */
export const RECORDING_KINDS = {
  "emu3-lm": "config.json, weights, expected.json, and expected.safetensors with input_ids",
  movq: "config.json, weights, and expected.safetensors with codes",
  "text-tokenizer": "tokenizer files, and expected.json with texts and their ids",
  resize: "expected.json with sizes, and pictures N-in.png and N-out.png",
  datasets: "expected.json with rows a dataset, and a folder of each dataset's name",
  sequences: "sequences.json with cases, alone (needs --tokenizer DIR)",
  metrics:
    "pairs/ with expected.json and pictures N-source, N-target, N-edited, N-mask; clip/ and dino/ with their models",
  "viescore-replies": "viescore-replies.json with replies and their verdicts, alone",
} as const satisfies Record<string, string>;

export type RecordingKind = keyof typeof RECORDING_KINDS;

const Texts = z.looseObject({
  cases: z.array(z.looseObject({ text: z.string(), ids: z.array(z.int()) })).min(1),
});
const sizes = z.array(z.looseObject({ resized: z.array(z.int()) }));
const Sizes = z
  .looseObject({ cases: sizes.optional(), rule: sizes.optional() })
  .refine(({ cases = [], rule = [] }) => cases.length + rule.length > 0);

/** Throws DataError that names the kinds for a folder, or a file in it, that is none of them. */
export async function recordingKind(
  path: string,
  { directory, file }: { readonly directory: string; readonly file: string | undefined },
): Promise<{ readonly kind: RecordingKind; readonly at: string }> {
  const sequences = file ?? join(directory, "sequences.json");
  if (file === undefined) {
    const metrics = await metricsRecordingAt(directory);
    if (metrics !== undefined) return { kind: "metrics", at: metrics };
    const kind = (await kindOfTensors(directory)) ?? (await kindOfExpected(directory));
    if (kind !== undefined) return { kind, at: directory };
  }
  if (SequencesRecording.pick({ cases: true }).safeParse(await jsonIn(sequences)).success) {
    return { kind: "sequences", at: sequences };
  }
  const replies = file ?? join(directory, "viescore-replies.json");
  if (RepliesRecording.safeParse(await jsonIn(replies)).success)
    return { kind: "viescore-replies", at: replies };
  const kinds = Object.entries(RECORDING_KINDS).map(([kind, files]) => `  ${kind}: ${files}`);
  throw new DataError(`${path} is no recording.`, {
    hint: `A recording is a folder (sequences, viescore-replies: a file) of one of these kinds; any file may be gzipped (.gz):\n${kinds.join("\n")}`,
  });
}

async function kindOfTensors(directory: string): Promise<RecordingKind | undefined> {
  const path = join(directory, "expected.safetensors");
  try {
    await access(path);
  } catch {
    return undefined;
  }
  const file = await SafetensorsFile.open(path);
  try {
    if (file.entries.has("input_ids")) return "emu3-lm";
    return file.entries.has("codes") || file.entries.has("codes_only") ? "movq" : undefined;
  } finally {
    await file.close();
  }
}

async function kindOfExpected(directory: string): Promise<RecordingKind | undefined> {
  const json = await jsonIn(join(directory, "expected.json"));
  if (Texts.safeParse(json).success) return "text-tokenizer";
  if (Sizes.safeParse(json).success) return "resize";
  return DatasetsRecording.safeParse(json).success ? "datasets" : undefined;
}
