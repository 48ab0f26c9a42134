/** A run directory in the system's temporary folder, opened as the command line opens one. */

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseRunConfig, RunConfig } from "../../src/experiment/run-config.ts";
import type { Clock } from "../../src/runs/clock.ts";
import { createManifest } from "../../src/runs/manifest.ts";
import type { Recorder } from "../../src/runs/recorder.ts";
import { openRun, type OpenRun } from "../../src/runs/open-run.ts";
import { RunDirectory } from "../../src/runs/run-directory.ts";

/** Time that stands still. */
export const stillClock: Clock = { now: () => 0, seconds: () => 0 };

const manifest = createManifest(
  {
    name: "small",
    command: "test",
    setup: [],
    seeds: { run: 0 },
    data: [],
    reward: {},
    dataset: undefined,
    device: "cpu",
  },
  stillClock,
);

export function smallRunDirectory(): RunDirectory {
  return new RunDirectory(join(mkdtempSync(join(tmpdir(), "earl-small-")), "runs", "small"));
}

/** What a stage needs of an open run. */
export type RunUnderTest = Pick<OpenRun, "resumePoint"> & { readonly recorder: Recorder };

/** The recorder of a process that dies when it has recorded so many events: from then on nothing it says arrives. */
export function dyingRecorder(recorder: Recorder, events: number): Recorder {
  let left = events;
  const live = (): void => {
    if (left === 0) throw new Error("killed");
  };
  return {
    record(event) {
      live();
      recorder.record(event);
      left -= 1;
      live();
    },
    saveImage(encoded) {
      live();
      return recorder.saveImage(encoded);
    },
    async saveCheckpoint(draft) {
      live();
      return recorder.saveCheckpoint(draft);
    },
    settled: () => recorder.settled(),
  };
}

export function openSmallRun(directory: RunDirectory, isResume = false): OpenRun {
  const run = openRun({
    directory,
    config: parseRunConfig("name: small\nalgorithm: sft\ndata:\n  directory: none\n", "small.yaml", []),
    schema: RunConfig,
    isResume,
    clock: stillClock,
  });
  run.begin(manifest);
  return run;
}
