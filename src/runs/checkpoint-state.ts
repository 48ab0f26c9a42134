/**
 * state.json of a checkpoint: where the run was, and the sha256 of every file that was saved with it. The file carries a
 * checksum of its own, so that a bit that flips anywhere in a checkpoint is noticed when the checkpoint is read.
 */

import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

import { z } from "zod";

import { CheckpointError } from "../errors.ts";
import { errorCode, writeFileAtomically } from "./atomic-write.ts";
import { CHECKPOINT_NAME } from "./checkpoint-name.ts";
import { StageName } from "./event.ts";
import { readJson } from "./run-directory.ts";

export const STATE_FILE = "state.json";

/** The listed files are those that pruning removes, so none may lie elsewhere. */
function isInside(file: string): boolean {
  return !isAbsolute(file) && !file.split(/[/\\]/).includes("..");
}

const CheckpointState = z.object({
  /** `id` of the run that saved it; absent where that run began before runs had one. */
  run: z.string().exactOptional(),
  stage: StageName,
  step: z.int().min(0),
  /** Whatever the loop gave. */
  loop: z.unknown(),
  /** Name of the best checkpoint of each stage that has one. */
  best: z.partialRecord(StageName, z.string().regex(CHECKPOINT_NAME)),
  /** Length of events.jsonl when this checkpoint was saved, without the event that says so. */
  eventsBytes: z.int().min(0),
  /** sha256 of each file by its path in the folder; absent where earl did not yet compute them. */
  files: z.record(z.string().refine(isInside, "leads out of the checkpoint"), z.string()).exactOptional(),
});
export type CheckpointState = z.infer<typeof CheckpointState>;
export type BestCheckpoints = Readonly<CheckpointState["best"]>;

/** What makes a state.json one of ours and not another program's. */
const OWN_KEYS: readonly string[] = ["eventsBytes", "loop", "best", "files"];

/** Writes state.json into a folder; whole or not at all, replacing one that is there. */
export function writeState(folder: string, state: CheckpointState): void {
  const body = JSON.stringify(state);
  const sealed = { ...state, sha256: hashOf(body) };
  writeFileAtomically(join(folder, STATE_FILE), `${JSON.stringify(sealed, null, 2)}\n`);
}

/**
 * The state of a checkpoint folder; undefined where it has none, or one of another program. Throws CheckpointError where
 * it is damaged.
 */
export function readState(folder: string, file = STATE_FILE): CheckpointState | undefined {
  const path = join(folder, file);
  if (!existsSync(path)) return undefined;
  const damaged = (cause?: unknown): CheckpointError =>
    new CheckpointError(`${path} is damaged.`, {
      hint: "Copy the checkpoint again, or use another one of the run.",
      ...(cause === undefined ? {} : { cause }),
    });
  let content: unknown;
  try {
    content = readJson(path);
  } catch (cause) {
    throw damaged(cause);
  }
  const record = z.record(z.string(), z.unknown()).safeParse(content);
  if (!record.success) throw damaged(record.error);
  if (!OWN_KEYS.some((key) => key in record.data)) return undefined;
  const { sha256, ...rest } = record.data;
  const state = CheckpointState.safeParse(rest);
  if (!state.success) throw damaged(state.error);
  const isSealed = state.data.files !== undefined || sha256 !== undefined;
  if (isSealed && sha256 !== hashOf(JSON.stringify(rest))) throw damaged();
  return state.data;
}

/** sha256 of every file in a folder, by its path in it. */
export async function checksumsOf(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const file of filesIn(folder).toSorted()) files[file] = await checksumOf(join(folder, file));
  return files;
}

/**
 * Reads a checkpoint's files and compares them with the checksums they were saved with; `isRead` says which of them
 * matter, all unless given. A folder without checksums (not written by earl, or by an older one) is accepted.
 * Throws CheckpointError that names the file where one is damaged or missing.
 */
export async function verifyCheckpoint(
  folder: string,
  isRead: (file: string) => boolean = () => true,
): Promise<void> {
  const { files = {} } = readState(folder) ?? {};
  for (const [file, saved] of Object.entries(files)) {
    if (!isRead(file)) continue;
    const path = join(folder, file);
    const found = await checksumOf(path).catch((cause: unknown) => {
      if (errorCode(cause) !== "ENOENT") throw cause;
      throw new CheckpointError(`${path} is missing; it was saved with the checkpoint.`, {
        hint: "Copy the checkpoint again, or use another one of the run.",
        cause,
      });
    });
    if (found === saved) continue;
    throw new CheckpointError(`${path} is damaged: it is not what was saved (its sha256 differs).`, {
      hint: "Copy the checkpoint again, or use another one of the run; a resume uses the newest folder in checkpoints/.",
    });
  }
}

/** For `verifyCheckpoint`: what a policy is read from; not the optimizer's state. */
export function isPolicyFile(file: string): boolean {
  return !/^optimizer[.-]/.test(file);
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? filesIn(join(folder, entry.name)).map((file) => `${entry.name}/${file}`)
      : [entry.name],
  );
}

async function checksumOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  const handle = await open(path, "r");
  try {
    const chunk = Buffer.alloc(4 * 2 ** 20);
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(chunk.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
