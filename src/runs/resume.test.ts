import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { beforeEach, describe, expect, test } from "vitest";

import { parseRunConfig, type RunConfig } from "../experiment/run-config.ts";
import { listCheckpoints, resolveCheckpoint, runOfCheckpoint } from "./checkpoint.ts";
import type { Clock } from "./clock.ts";
import { comparableEvents, readEvents } from "./event-log.ts";
import { createManifest } from "./manifest.ts";
import { openRun, type OpenRun } from "./open-run.ts";
import { RunDirectory } from "./run-directory.ts";

let now = 0;
const clock: Clock = { now: () => (now += 7), seconds: () => 0 };

const config = (overrides: readonly string[] = []): RunConfig =>
  parseRunConfig("name: trial\nalgorithm: sft\ndata:\n  directory: scenes\n", "trial.yaml", overrides);
const manifest = createManifest(
  {
    name: "trial",
    command: "earl train",
    setup: [],
    seeds: { run: 0 },
    data: [],
    dataset: undefined,
    device: "cpu",
  },
  clock,
);

let directory: RunDirectory;
beforeEach(() => {
  directory = new RunDirectory(join(mkdtempSync(join(tmpdir(), "earl-runs-")), "runs", "trial"));
});

function open(isResume: boolean, settings = config()): OpenRun {
  return openRun({ directory, config: settings, manifest, isResume, clock });
}

class Killed extends Error {}

/** A loop of ten steps whose state is one number; `killAt` counts everything it writes. */
async function train(run: OpenRun, killAt = Infinity): Promise<void> {
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
async function trainAndKill(killAt: number, isResume: boolean): Promise<void> {
  const run = open(isResume);
  try {
    await train(run, killAt);
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
  }
  run[Symbol.dispose]();
  appendFileSync(directory.events, '{"kind":"step-en');
  mkdirSync(join(directory.checkpoints, "sft-000099.tmp-12-3"));
  writeFileSync(join(directory.path, "manifest.json.tmp-12-4"), "{");
}

describe("a run that is killed and resumed", () => {
  test("writes the events of an uninterrupted one, wherever it is killed", async () => {
    {
      using run = open(false);
      await train(run);
    }
    const uninterrupted = comparableEvents(directory.events);
    expect(uninterrupted).toHaveLength(1 + 1 + 10 + 3 + 1);
    const weights = readFileSync(join(directory.checkpoints, "sft-000009", "weights"), "utf8");

    for (let first = 0; first <= 15; first += 1) {
      rmSync(directory.path, { recursive: true });
      await trainAndKill(first, false);
      await trainAndKill(first % 4, true);
      using run = open(true);
      await train(run);
      expect(comparableEvents(directory.events)).toEqual(uninterrupted);
      expect(readdirSync(directory.checkpoints).toSorted()).toEqual([
        "best-sft.json",
        "latest.json",
        "sft-000003",
        "sft-000006",
        "sft-000009",
      ]);
      expect(readFileSync(join(directory.checkpoints, "sft-000009", "weights"), "utf8")).toBe(weights);
      expect(readdirSync(directory.path).filter((name) => name.includes(".tmp-"))).toEqual([]);
    }
  });

  test("goes back to an older checkpoint when the newest is damaged", async () => {
    {
      using first = open(false);
      await train(first);
    }
    writeFileSync(join(directory.checkpoints, "sft-000009", "state.json"), "{");
    using run = open(true);
    expect(run.resumePoint).toMatchObject({ stage: "sft", step: 6 });
  });

  test("refuses to go on when events.jsonl lost lines that the checkpoints count on", async () => {
    {
      using run = open(false);
      await train(run);
    }
    writeFileSync(directory.events, "");
    expect(() => open(true)).toThrow("shorter than its run's checkpoints say");
    expect(existsSync(directory.lock)).toBe(false);
  });

  test("keeps the manifest it began with and lists where it went on", async () => {
    await trainAndKill(9, false);
    open(true)[Symbol.dispose]();
    expect(JSON.parse(readFileSync(directory.manifest, "utf8"))).toMatchObject({
      startedAt: manifest.startedAt,
      resumed: [{ stage: "sft", step: 6 }],
    });
  });
});

describe("openRun", () => {
  test("refuses a run that exists and says how to go on", () => {
    open(false)[Symbol.dispose]();
    expect(() => open(false)).toThrow("exists already");
  });

  test("starts a run that is resumed before it began", () => {
    using run = open(true);
    expect(run.resumePoint).toBeUndefined();
    expect(readEvents(directory.events).map(({ kind }) => kind)).toEqual(["run-start"]);
  });

  test("refuses to resume with other settings and names them", () => {
    open(false)[Symbol.dispose]();
    const changed = config(["sft.learningRate=0.1", "engine.threads=1"]);
    expect(() => open(true, changed)).toThrow("sft.learningRate was 0.0015, is 0.1");
    expect(() => open(true, changed)).not.toThrow("engine.threads");
  });

  test("lets one process in at a time", () => {
    using run = open(false);
    expect(run.resumePoint).toBeUndefined();
    expect(() => open(true)).toThrow("is being written by process");
  });
});

describe("checkpoints", () => {
  test("keeps the best one and the last two", async () => {
    using run = open(false);
    for (const step of [1, 2, 3, 4, 5]) {
      await run.recorder.saveCheckpoint({
        stage: "sft",
        step,
        loop: {},
        isBest: step === 2,
        write: async () => {},
      });
    }
    expect(listCheckpoints(directory).map(({ name }) => name)).toEqual([
      "sft-000002",
      "sft-000004",
      "sft-000005",
    ]);
  });

  test("leave no trace when writing the weights fails", async () => {
    using run = open(false);
    const saved = run.recorder.saveCheckpoint({
      stage: "sft",
      step: 1,
      loop: {},
      isBest: true,
      write: async () => {
        throw new Error("no space");
      },
    });
    await expect(saved).rejects.toThrow("no space");
    expect(readdirSync(directory.checkpoints)).toEqual([]);
    expect(readEvents(directory.events).map(({ kind }) => kind)).toEqual(["run-start"]);
  });

  test("are found from the run's folder: the best of the last stage", async () => {
    using run = open(false);
    await train(run);
    const best = join(directory.checkpoints, "sft-000003");
    expect(resolveCheckpoint(directory.path)).toBe(best);
    expect(resolveCheckpoint(best)).toBe(best);
    expect(runOfCheckpoint(best)?.path).toBe(directory.path);
    expect(runOfCheckpoint(tmpdir())).toBeUndefined();
    expect(() => resolveCheckpoint(tmpdir())).toThrow("neither a checkpoint nor a run");
  });
});

describe("pictures of a run", () => {
  test("are saved once under the hash of their content", () => {
    using run = open(false);
    const png = new Uint8Array([0x89, 0x50, 1, 2, 3]);
    const name = run.recorder.saveImage(png);
    expect(run.recorder.saveImage(png)).toBe(name);
    expect(readdirSync(directory.images)).toEqual([name]);
    expect(name).toMatch(/^[0-9a-f]{20}\.png$/);
    expect(() => run.recorder.saveImage(new Uint8Array([1, 2]))).toThrow("neither PNG, JPEG nor WebP");
  });
});
