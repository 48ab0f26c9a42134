/** A small run without a policy: opened as the command line opens one, its weights a number. */

import { appendFileSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseRunConfig, RunConfig } from "../../src/experiment/run-config.ts";
import type { Clock } from "../../src/runs/clock.ts";
import { createManifest } from "../../src/runs/manifest.ts";
import { openRun, type OpenRun } from "../../src/runs/open-run.ts";
import { RunDirectory } from "../../src/runs/run-directory.ts";

let now = 0;
export const trialClock: Clock = { now: () => (now += 7), seconds: () => 0 };

export const trialConfig = (overrides: readonly string[] = []): RunConfig =>
  parseRunConfig("name: trial\nalgorithm: sft\ndata:\n  directory: scenes\n", "trial.yaml", overrides);
export const trialManifest = createManifest(
  {
    name: "trial",
    command: "earl train",
    setup: [],
    seeds: { run: 0 },
    data: [],
    reward: {},
    dataset: undefined,
    device: "cpu",
  },
  trialClock,
);

export function trialDirectory(): RunDirectory {
  return new RunDirectory(join(mkdtempSync(join(tmpdir(), "earl-runs-")), "runs", "trial"));
}

export function openTrial(directory: RunDirectory, isResume: boolean, config = trialConfig()): OpenRun {
  const run = openRun({ directory, config, schema: RunConfig, isResume, clock: trialClock });
  try {
    run.begin(trialManifest);
    return run;
  } catch (error) {
    run[Symbol.dispose]();
    throw error;
  }
}

/** A run with one checkpoint, so that it stays. */
export async function startTrial(directory: RunDirectory, config = trialConfig()): Promise<void> {
  using run = openTrial(directory, false, config);
  await saveTrial(run, 0);
}

export function saveTrial(
  run: OpenRun,
  step: number,
  more: { isBest?: boolean; loop?: unknown } = {},
): Promise<string> {
  return run.recorder.saveCheckpoint({
    stage: "sft",
    step,
    loop: more.loop ?? {},
    isBest: more.isBest ?? false,
    write: async (folder) => writeFileSync(join(folder, "model.safetensors"), `weights of ${step}`),
  });
}

class Killed extends Error {}

/** A loop of ten steps whose state is one number; `killAt` counts everything it writes. */
export async function trainTrial(run: OpenRun, killAt = Infinity): Promise<void> {
  let written = 0;
  const survive = (): void => {
    written += 1;
    if (written > killAt) throw new Killed();
  };
  let sum = Number(run.resumePoint?.loop ?? 0);
  if (run.resumePoint === undefined) {
    survive();
    run.recorder.record({ kind: "stage-start", stage: "sft", steps: 10 });
  }
  for (let step = (run.resumePoint?.step ?? 0) + 1; step <= 10; step += 1) {
    sum = (sum * 31 + step) % 1009;
    survive();
    run.recorder.record({ kind: "step-end", stage: "sft", step, metrics: { loss: sum, "time/step": now } });
    if (step % 3 !== 0) continue;
    const loop = sum;
    await run.recorder.saveCheckpoint({
      stage: "sft",
      step,
      loop,
      isBest: step === 3,
      write: async (folder) => {
        survive();
        writeFileSync(join(folder, "config.json"), "{}");
        writeFileSync(join(folder, "weights"), String(loop));
      },
    });
  }
  survive();
  run.recorder.record({ kind: "stage-end", stage: "sft", step: 10, reason: "finished" });
}

/** What a kill leaves: no clean-up ran, a line is torn, a temporary folder and the lock lie around. */
export async function trainAndKill(
  directory: RunDirectory,
  killAt: number,
  isResume: boolean,
): Promise<void> {
  const run = openTrial(directory, isResume);
  try {
    await trainTrial(run, killAt);
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
  }
  run[Symbol.dispose]();
  appendFileSync(directory.events, '{"kind":"step-en');
  mkdirSync(join(directory.checkpoints, "sft-000099.tmp-12-3"));
  writeFileSync(join(directory.path, "manifest.json.tmp-12-4"), "{");
}
