/**
 * What a training loop talks to while it runs: it says what happened, hands over pictures, and asks for checkpoints.
 * Everything lands in the run directory in an order that a killed process cannot break: see resume.ts.
 */

import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { writeDirectoryAtomically, writeFileAtomically } from "./atomic-write.ts";
import { checkpointName, listCheckpoints, type BestCheckpoints, type CheckpointState } from "./checkpoint.ts";
import type { Clock } from "./clock.ts";
import type { EventLog } from "./event-log.ts";
import { EVENT_VERSION, type RunEvent, type Stage, type UntimedEvent } from "./event.ts";
import type { RunDirectory } from "./run-directory.ts";

export interface CheckpointDraft {
  readonly stage: Stage;
  /** Steps that are complete. */
  readonly step: number;
  /** What the loop needs to go on from here, as JSON; it gets it back on resume. */
  readonly loop: unknown;
  /** True when no earlier checkpoint of the stage scored better. */
  readonly isBest: boolean;
  /** Writes weights and optimizer state into a folder that exists and is empty. */
  readonly write: (directory: string) => Promise<void>;
}

export interface Recorder {
  /** Appends an event; everybody who subscribed hears it. Throws EngineError when the disk is full. */
  record(event: UntimedEvent): void;
  /** Saves PNG, JPEG or WebP bytes under images/, equal ones once; returns the file's name there. */
  saveImage(encoded: Uint8Array): string;
  /** Saves a checkpoint whole or not at all, records `checkpoint-saved`, prunes old ones; returns its folder. */
  saveCheckpoint(draft: CheckpointDraft): Promise<string>;
}

/** Checkpoints kept beside the best of each stage. */
const KEPT = 2;

export class RunRecorder implements Recorder, Disposable {
  readonly #directory: RunDirectory;
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #listeners: ((event: RunEvent) => void)[] = [];
  readonly #attempt: number;
  #best: BestCheckpoints;

  constructor(parts: {
    directory: RunDirectory;
    log: EventLog;
    clock: Clock;
    best: BestCheckpoints;
    attempt: number;
  }) {
    this.#directory = parts.directory;
    this.#log = parts.log;
    this.#clock = parts.clock;
    this.#best = parts.best;
    this.#attempt = parts.attempt;
  }

  /** Name of the best checkpoint of each stage so far. */
  get best(): BestCheckpoints {
    return this.#best;
  }

  /** Calls `listener` with every event from now on. */
  subscribe(listener: (event: RunEvent) => void): void {
    this.#listeners.push(listener);
  }

  record(event: UntimedEvent): void {
    const timed: RunEvent = { ...event, v: EVENT_VERSION, attempt: this.#attempt, time: this.#clock.now() };
    this.#log.append(timed);
    for (const listener of this.#listeners) listener(timed);
  }

  saveImage(encoded: Uint8Array): string {
    return this.#directory.saveImage(encoded);
  }

  async saveCheckpoint(draft: CheckpointDraft): Promise<string> {
    const { stage, step } = draft;
    const name = checkpointName(stage, step);
    const path = join(this.#directory.checkpoints, name);
    const best = draft.isBest ? { ...this.#best, [stage]: name } : this.#best;
    const before = this.#log.bytes;
    try {
      await writeDirectoryAtomically(path, async (temporary) => {
        await draft.write(temporary);
        // The event comes before the rename: a run that is resumed here has said that this checkpoint exists,
        // and one that died in between resumes further back and cuts the event off.
        this.record({ kind: "checkpoint-saved", stage, step, path: `checkpoints/${name}` });
        this.#log.flush();
        const state: CheckpointState = { stage, step, loop: draft.loop, best, eventsBytes: this.#log.bytes };
        writeFileAtomically(join(temporary, "state.json"), `${JSON.stringify(state, null, 2)}\n`);
      });
    } catch (error) {
      this.#log.truncate(before);
      throw error;
    }
    this.#best = best;
    writePointers(this.#directory, name, best);
    this.#prune();
    return path;
  }

  #prune(): void {
    const newestFirst = listCheckpoints(this.#directory).toReversed();
    const kept = new Set([
      ...newestFirst.slice(0, KEPT).map(({ name }) => name),
      ...Object.values(this.#best),
    ]);
    for (const { name, path } of newestFirst) {
      if (!kept.has(name)) rmSync(path, { recursive: true, force: true });
    }
  }

  [Symbol.dispose](): void {
    this.#log[Symbol.dispose]();
  }
}

/** Makes checkpoints/latest.json and checkpoints/best-<stage>.json name these checkpoints, and no others. */
export function writePointers(
  directory: RunDirectory,
  latest: string | undefined,
  best: BestCheckpoints,
): void {
  const pointers = new Map<string, string>();
  if (latest !== undefined) pointers.set("latest.json", latest);
  for (const [stage, name] of Object.entries(best)) pointers.set(`best-${stage}.json`, name);
  if (existsSync(directory.checkpoints)) {
    for (const name of readdirSync(directory.checkpoints)) {
      if (name.endsWith(".json") && !pointers.has(name)) rmSync(join(directory.checkpoints, name));
    }
  }
  for (const [file, name] of pointers) {
    writeFileAtomically(join(directory.checkpoints, file), `${JSON.stringify({ checkpoint: name })}\n`);
  }
}
