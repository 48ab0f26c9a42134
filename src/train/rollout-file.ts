/**
 * A rollout that was written for a step to come, as a checkpoint keeps it: the weights that wrote it are gone by then.
 * Ids and log-probabilities are kept to the bit; pictures and verdicts follow from them and are made again.
 */

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { CheckpointError } from "../errors.ts";

const FILE = "rollout.json";

export interface KeptCompletion {
  readonly ids: Int32Array;
  readonly constraints: Int8Array;
  readonly logprobs: Float32Array;
  /** Those that the trainer computed, where they are kept apart. */
  readonly trainerLogprobs?: Float32Array;
  readonly isFinished: boolean;
}

export interface KeptRollout {
  /** Index of the step that it is trained on in. */
  readonly step: number;
  readonly groups: readonly {
    /** Id of the edit. */
    readonly example: string;
    readonly completions: readonly KeptCompletion[];
  }[];
}

const Bytes = z.base64();
const CompletionFile = z.strictObject({
  ids: Bytes,
  constraints: Bytes,
  logprobs: Bytes,
  trainerLogprobs: Bytes.optional(),
  isFinished: z.boolean(),
});
const KeptFile = z.strictObject({
  step: z.int().min(0),
  groups: z.array(z.strictObject({ example: z.string(), completions: z.array(CompletionFile) })),
});

/** Writes it beside the weights of a checkpoint. */
export async function saveRollout(directory: string, { step, groups }: KeptRollout): Promise<void> {
  const kept: z.infer<typeof KeptFile> = {
    step,
    groups: groups.map(({ example, completions }) => ({
      example,
      completions: completions.map(({ ids, constraints, logprobs, trainerLogprobs, isFinished }) => ({
        ids: encoded(ids),
        constraints: encoded(constraints),
        logprobs: encoded(logprobs),
        ...(trainerLogprobs !== undefined && { trainerLogprobs: encoded(trainerLogprobs) }),
        isFinished,
      })),
    })),
  };
  await writeFile(join(directory, FILE), JSON.stringify(kept));
}

/** What a checkpoint kept; undefined where it kept none. Throws CheckpointError where it is damaged. */
export async function loadRollout(directory: string): Promise<KeptRollout | undefined> {
  const path = join(directory, FILE);
  if (!existsSync(path)) return undefined;
  try {
    const { step, groups } = KeptFile.parse(JSON.parse(await readFile(path, "utf8")));
    return {
      step,
      groups: groups.map(({ example, completions }) => ({
        example,
        completions: completions.map(completionOf),
      })),
    };
  } catch (cause) {
    throw new CheckpointError(`${path} is damaged.`, {
      hint: "Copy the checkpoint again, or go on from an earlier one.",
      cause,
    });
  }
}

/** Throws RangeError where the lists are not of one length. */
function completionOf({
  ids,
  constraints,
  logprobs,
  trainerLogprobs,
  isFinished,
}: z.infer<typeof CompletionFile>): KeptCompletion {
  const kept: KeptCompletion = {
    ids: new Int32Array(decoded(ids)),
    constraints: new Int8Array(decoded(constraints)),
    logprobs: new Float32Array(decoded(logprobs)),
    ...(trainerLogprobs !== undefined && { trainerLogprobs: new Float32Array(decoded(trainerLogprobs)) }),
    isFinished,
  };
  const lists = [kept.constraints, kept.logprobs, kept.trainerLogprobs ?? kept.ids];
  if (lists.some(({ length }) => length !== kept.ids.length))
    throw new RangeError("Lists of one completion differ in length.");
  return kept;
}

/** Numbers in the machine's own byte order, which is little-endian wherever earl runs. */
function encoded({ buffer, byteOffset, byteLength }: Int32Array | Int8Array | Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}

function decoded(text: string): ArrayBuffer {
  return Uint8Array.from(Buffer.from(text, "base64")).buffer;
}
