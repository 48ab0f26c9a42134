import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { beforeEach, describe, expect, test } from "vitest";

import {
  openTrial,
  saveTrial,
  startTrial,
  trainAndKill,
  trainTrial,
  trialClock,
  trialConfig,
  trialDirectory,
  trialManifest,
} from "../../test/small/trial-run.ts";
import { RunConfig } from "../experiment/run-config.ts";
import { comparableEvents, readEvents } from "./event-log.ts";
import { openRun } from "./open-run.ts";
import type { RunDirectory } from "./run-directory.ts";
import { isDone, type SettingsRequest } from "./saved-settings.ts";

let directory: RunDirectory;
beforeEach(() => {
  directory = trialDirectory();
});

describe("a run that is killed and resumed", () => {
  test("writes the events of an uninterrupted one, wherever it is killed", async () => {
    {
      using run = openTrial(directory, false);
      await trainTrial(run);
    }
    const uninterrupted = comparableEvents(directory.events);
    expect(uninterrupted).toHaveLength(1 + 1 + 10 + 3 + 1);
    const weights = readFileSync(join(directory.checkpoints, "sft-000009", "weights"), "utf8");

    for (let first = 0; first <= 15; first += 1) {
      rmSync(directory.path, { recursive: true });
      await trainAndKill(directory, first, false);
      await trainAndKill(directory, first % 4, true);
      {
        using run = openTrial(directory, true);
        await trainTrial(run);
      }
      expect(comparableEvents(directory.events)).toEqual(uninterrupted);
      expect(readdirSync(directory.checkpoints).toSorted()).toEqual([
        "sft-000003",
        "sft-000006",
        "sft-000009",
      ]);
      expect(readFileSync(join(directory.checkpoints, "sft-000009", "weights"), "utf8")).toBe(weights);
      expect(readdirSync(directory.path).toSorted()).toEqual([
        "checkpoints",
        "config.yaml",
        "events.jsonl",
        "images",
        "manifest.json",
      ]);
      expect(readEvents(directory.events).at(-1)?.attempt).toBe(2);
    }
  });

  test("says that a checkpoint was saved, also where it was killed before it could", async () => {
    await startTrial(directory);
    const said = readFileSync(directory.events, "utf8");
    truncateSync(directory.events, said.lastIndexOf("{"));
    expect(comparableEvents(directory.events).map(({ kind }) => kind)).toEqual(["run-start"]);
    openTrial(directory, true)[Symbol.dispose]();
    expect(comparableEvents(directory.events).map(({ kind }) => kind)).toEqual([
      "run-start",
      "checkpoint-saved",
    ]);
  });

  test("refuses a newest checkpoint whose state is damaged, by name; without it, it goes back to an older one", async () => {
    {
      using first = openTrial(directory, false);
      await trainTrial(first);
    }
    const newest = join(directory.checkpoints, "sft-000009");
    writeFileSync(join(newest, "state.json"), "{");
    const before = readFileSync(directory.events, "utf8");
    expect(() => openTrial(directory, true)).toThrow(`${join(newest, "state.json")} is damaged.`);
    rmSync(join(newest, "state.json"));
    expect(() => openTrial(directory, true)).toThrow(
      `${newest} is no checkpoint of this run, and in its way.`,
    );
    expect(readFileSync(directory.events, "utf8")).toBe(before);
    rmSync(newest, { recursive: true });
    using run = openTrial(directory, true);
    expect(run.resumePoint).toMatchObject({ stage: "sft", step: 6 });
  });

  test("refuses to go on when events.jsonl lost lines that the checkpoints count on", async () => {
    await startTrial(directory);
    for (const damage of [
      () => writeFileSync(directory.events, ""),
      () => rmSync(directory.events),
      () => writeFileSync(directory.events, '{"kind":"run-start","name":"trial","seed":0,"time":1}\n'),
    ]) {
      damage();
      expect(() => openTrial(directory, true)).toThrow(/no run .* to resume|is no checkpoint of this run/);
      expect(existsSync(directory.lock)).toBe(false);
      expect(readdirSync(join(directory.checkpoints, "sft-000000")).toSorted()).toEqual([
        "model.safetensors",
        "state.json",
      ]);
    }
  });

  test("goes on where the lines after the last checkpoint are damaged", async () => {
    await startTrial(directory);
    appendFileSync(directory.events, "nonsense\n");
    openTrial(directory, true)[Symbol.dispose]();
    expect(readEvents(directory.events).map(({ kind, attempt }) => [kind, attempt])).toEqual([
      ["run-start", 0],
      ["run-resumed", 1],
      ["checkpoint-saved", 1],
    ]);
  });

  test("leaves everything as it is until it begins", async () => {
    {
      using run = openTrial(directory, false);
      await saveTrial(run, 0);
      run.recorder.record({ kind: "run-end" });
    }
    const before = readFileSync(directory.events, "utf8");
    openRun({
      directory,
      config: trialConfig(["sft.steps=9999"]),
      schema: RunConfig,
      isResume: true,
      clock: trialClock,
    })[Symbol.dispose]();
    expect(readFileSync(directory.events, "utf8")).toBe(before);
  });

  test("keeps the manifest it began with and lists where it went on", async () => {
    await trainAndKill(directory, 9, false);
    openTrial(directory, true)[Symbol.dispose]();
    expect(JSON.parse(readFileSync(directory.manifest, "utf8"))).toMatchObject({
      startedAt: trialManifest.startedAt,
      resumed: [{ stage: "sft", step: 6 }],
    });
  });

  test("saves again what a damaged log made unreachable, and nothing else goes", async () => {
    {
      using run = openTrial(directory, false);
      await trainTrial(run);
    }
    const lines = readFileSync(directory.events, "utf8").split("\n");
    writeFileSync(directory.events, `${lines.slice(0, 10).join("\n")}\n`);
    mkdirSync(join(directory.checkpoints, "mine"));
    {
      using run = openTrial(directory, true);
      expect(run.resumePoint).toMatchObject({ step: 6 });
      expect(readdirSync(directory.checkpoints).toSorted()).toEqual(["mine", "sft-000003", "sft-000006"]);
      await trainTrial(run);
    }
    expect(readdirSync(directory.checkpoints).toSorted()).toEqual([
      "mine",
      "sft-000003",
      "sft-000006",
      "sft-000009",
    ]);
  });
});

describe("a finished run", () => {
  const request = (overrides: readonly string[] = []): SettingsRequest => ({
    directory,
    config: trialConfig(overrides),
    schema: RunConfig,
  });

  test("is done with the settings it had, not with more steps, and refuses others", async () => {
    expect(isDone(request())).toBe(false);
    await startTrial(directory);
    expect(isDone(request())).toBe(false);
    {
      using run = openTrial(directory, true);
      run.recorder.record({ kind: "run-end" });
    }
    expect(isDone(request())).toBe(true);
    expect(isDone(request(["engine.threads=1"]))).toBe(true);
    expect(isDone(request(["data.maxBrokenShare=1"]))).toBe(true);
    expect(isDone(request(["sft.steps=99999"]))).toBe(false);
    expect(() => isDone(request(["sft.steps=1"]))).toThrow("sft.steps was");
    expect(() => isDone(request(["data.directory=elsewhere"]))).toThrow(`was "scenes", is "elsewhere"`);
    expect(() => openTrial(directory, true, trialConfig(["evaluation.size=0"]))).toThrow(
      "evaluation.size was",
    );
  });
});
