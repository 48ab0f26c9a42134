import { existsSync, mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { beforeEach, describe, expect, test } from "vitest";

import {
  openTrial,
  saveTrial,
  startTrial,
  trialClock,
  trialConfig,
  trialDirectory,
} from "../../test/small/trial-run.ts";
import { RunConfig } from "../experiment/run-config.ts";
import { readEvents } from "./event-log.ts";
import { openRun } from "./open-run.ts";
import { removeRun } from "./remove-run.ts";
import type { RunDirectory } from "./run-directory.ts";

let directory: RunDirectory;
beforeEach(() => {
  directory = trialDirectory();
});

describe("openRun", () => {
  test("refuses a run that exists and says how to go on", async () => {
    await startTrial(directory);
    expect(() => openTrial(directory, false)).toThrow("exists already");
  });

  test("refuses to resume a run that never was, and makes nothing", () => {
    expect(() => openTrial(directory, true)).toThrow(`There is no run ${directory.path} to resume.`);
    expect(existsSync(directory.path)).toBe(false);
  });

  test("starts a run that was killed as soon as its folder was there", () => {
    mkdirSync(directory.checkpoints, { recursive: true });
    writeFileSync(directory.lock, "");
    utimesSync(directory.lock, 0, 0);
    writeFileSync(directory.events, "");
    using run = openTrial(directory, true);
    expect(run.resumePoint).toBeUndefined();
    expect(readEvents(directory.events).map(({ kind }) => kind)).toEqual(["run-start"]);
  });

  test("refuses to resume with other settings and names them", async () => {
    await startTrial(directory);
    const changed = trialConfig(["sft.learningRate=0.1", "engine.threads=1"]);
    expect(() => openTrial(directory, true, changed)).toThrow("sft.learningRate was 0.0015, is 0.1");
    expect(() => openTrial(directory, true, changed)).not.toThrow("engine.threads");
  });

  test("takes more steps of a stage that is not over, a changed evaluation, and another engine", async () => {
    await startTrial(directory, trialConfig(["sft.steps=10"]));
    expect(() => openTrial(directory, true, trialConfig(["sft.steps=9"]))).toThrow("sft.steps was 10, is 9");
    openTrial(directory, true, trialConfig(["sft.steps=20", "evaluation.size=0", "engine.threads=1"]))[
      Symbol.dispose
    ]();
    expect(readFileSync(directory.config, "utf8")).toContain("steps: 20");
    {
      using run = openTrial(directory, true, trialConfig(["sft.steps=20", "evaluation.size=0"]));
      await run.recorder.saveCheckpoint({
        stage: "grpo",
        step: 0,
        loop: {},
        isBest: true,
        write: async () => {},
      });
    }
    expect(() => openTrial(directory, true, trialConfig(["sft.steps=30", "evaluation.size=0"]))).toThrow(
      "sft.steps was 20, is 30",
    );
    openTrial(directory, true, trialConfig(["sft.steps=20", "grpo.steps=9999", "evaluation.size=0"]))[
      Symbol.dispose
    ]();
  });

  test("takes a setting that is new in the program at its default", async () => {
    await startTrial(directory);
    const saved = readFileSync(directory.config, "utf8");
    writeFileSync(directory.config, saved.replace(/^ {2}saveEvery: .*\n/gm, ""));
    openTrial(directory, true)[Symbol.dispose]();
    writeFileSync(directory.config, saved.replace(/^ {2}saveEvery: .*\n/gm, ""));
    expect(() => openTrial(directory, true, trialConfig(["sft.saveEvery=7"]))).toThrow(
      /sft\.saveEvery was \d+, is 7/,
    );
  });

  test.each(["{", "- 1\n- 2\n", "", "a: &x [*x]"])(
    "says that the saved config %j is damaged",
    async (text) => {
      await startTrial(directory);
      writeFileSync(directory.config, text);
      expect(() => openTrial(directory, true)).toThrow(`The run's config ${directory.config} is damaged`);
    },
  );

  test("lets one process in at a time", async () => {
    await startTrial(directory);
    using run = openTrial(directory, true);
    expect(run.resumePoint).toBeDefined();
    expect(() => openTrial(directory, true)).toThrow("is being written by process");
  });
});

describe("a start that fails", () => {
  test("leaves nothing of what it made", () => {
    const run = openTrial(directory, false);
    run.recorder.saveImage(new Uint8Array([0x89, 0x50, 1, 2, 3]));
    run.discard();
    expect(existsSync(join(directory.path, ".."))).toBe(false);
  });

  test("leaves nothing of what it made before it began", () => {
    const request = {
      directory,
      config: trialConfig(),
      schema: RunConfig,
      isResume: false,
      clock: trialClock,
    };
    openRun(request)[Symbol.dispose]();
    expect(existsSync(join(directory.path, ".."))).toBe(false);
  });

  test("keeps a run that can be resumed", async () => {
    const run = openTrial(directory, false);
    await saveTrial(run, 0);
    run.discard();
    expect(existsSync(directory.lock)).toBe(false);
    using resumed = openTrial(directory, true);
    expect(resumed.resumePoint).toMatchObject({ step: 0 });
  });

  test("leaves what others put there meanwhile", () => {
    mkdirSync(directory.images, { recursive: true });
    writeFileSync(join(directory.path, "notes.md"), "mine");
    const run = openTrial(directory, false);
    run.recorder.saveImage(new Uint8Array([0x89, 0x50, 1, 2, 3]));
    mkdirSync(join(directory.checkpoints, "sft-000001"));
    writeFileSync(join(directory.checkpoints, "sft-000001", "best.pt"), "mine");
    writeFileSync(join(directory.images, "mine.png"), "mine");
    run.discard();
    expect(readdirSync(directory.path, { recursive: true }).map(String).toSorted()).toEqual([
      "checkpoints",
      "checkpoints/sft-000001",
      "checkpoints/sft-000001/best.pt",
      "images",
      "images/mine.png",
      "notes.md",
    ]);
  });

  test.each<[string, (place: (name: string) => string) => void]>([
    [
      "checkpoints of another run",
      (place) => writeFileSync(place("checkpoints/sft-000100/model.safetensors"), "w"),
    ],
    ["another tool's checkpoints", (place) => writeFileSync(place("checkpoints/best.pt"), "w")],
    ["another tool's pictures", (place) => writeFileSync(place("images/a.png"), "w")],
    ["another tool's config", (place) => writeFileSync(place("config.yaml"), "lr: 1")],
    ["another tool's events", (place) => writeFileSync(place("events.jsonl"), '{"epoch":1}\n')],
    ["another tool's lock", (place) => writeFileSync(place("lock.json"), '{"dependencies":{}}')],
    ["a report of one's own", (place) => writeFileSync(place("report.html"), "mine")],
    ["a file in place of a folder", (place) => writeFileSync(place("checkpoints"), "mine")],
  ])("touches nothing where there are %s", (_, put) => {
    put((name) => {
      const path = join(directory.path, name);
      mkdirSync(join(path, ".."), { recursive: true });
      return path;
    });
    const before = readdirSync(directory.path, { recursive: true });
    expect(() => openTrial(directory, false)).toThrow("which is no file of a run of earl.");
    expect(() => openTrial(directory, true)).toThrow("There is no run");
    expect(() => removeRun(directory)).toThrow("nothing of it is deleted");
    expect(readdirSync(directory.path, { recursive: true })).toEqual(before);
  });
});
