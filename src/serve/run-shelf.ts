/** The runs of a folder: which there are, and a watch for each that somebody looks at. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { listCheckpoints } from "../runs/checkpoint.ts";
import { howFar } from "../runs/how-far.ts";
import { RunDirectory } from "../runs/run-directory.ts";
import type { CheckpointChoice, RunCard } from "./messages.ts";
import { RunWatch } from "./run-watch.ts";

export class RunShelf implements AsyncDisposable {
  readonly folder: string;
  readonly #watches = new Map<string, RunWatch>();

  constructor(folder: string) {
    this.folder = folder;
  }

  cards(): RunCard[] {
    return this.#runs().map((run) => ({ id: run.name, ...howFar(run) }));
  }

  /** The watch of a run; undefined where there is no run of this name. */
  watch(id: string): RunWatch | undefined {
    const found = this.#watches.get(id);
    if (found !== undefined) return found;
    // A name that leads out of the folder is none of the names in it.
    if (!this.#runs().some(({ name }) => name === id)) return undefined;
    const watch = new RunWatch(this.folder, id);
    this.#watches.set(id, watch);
    return watch;
  }

  checkpoints(): CheckpointChoice[] {
    return this.#runs().flatMap((run) => {
      const saved = listCheckpoints(run);
      const best = new Set(Object.values(saved.at(-1)?.state.best ?? {}));
      return saved.map(({ name }) => ({ run: run.name, name, isBest: best.has(name) }));
    });
  }

  #runs(): RunDirectory[] {
    if (!existsSync(this.folder)) return [];
    return readdirSync(this.folder)
      .toSorted()
      .map((name) => new RunDirectory(join(this.folder, name)))
      .filter((run) => run.exists());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#watches.values()].map((watch) => watch[Symbol.asyncDispose]()));
  }
}
