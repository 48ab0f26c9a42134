import { once } from "node:events";
import { cpSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";

import { beforeEach, describe, expect, test } from "vitest";

import { openTrial, saveTrial, trainTrial, trialDirectory } from "../../test/small/trial-run.ts";
import { readState, verifyCheckpoint, writeState } from "./checkpoint-state.ts";
import { listCheckpoints, resolveCheckpoint, runOfCheckpoint } from "./checkpoint.ts";
import { readEvents } from "./event-log.ts";
import type { RunDirectory } from "./run-directory.ts";

let directory: RunDirectory;
beforeEach(() => {
  directory = trialDirectory();
});

function resolvable(): [promise: Promise<void>, resolve: () => void] {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return [promise, resolve];
}

describe("checkpoints", () => {
  const names = (): string[] => readdirSync(directory.checkpoints).toSorted();

  test("keeps the best one and the last two", async () => {
    using run = openTrial(directory, false);
    for (const step of [1, 2, 3, 4, 5]) await saveTrial(run, step, { isBest: step === 2 });
    expect(names()).toEqual(["sft-000002", "sft-000004", "sft-000005"]);
  });

  test("prunes its own alone, and of these no file that it did not write", async () => {
    using run = openTrial(directory, false);
    await saveTrial(run, 1);
    writeFileSync(join(directory.checkpoints, "sft-000001", "notes.md"), "mine");
    // Saved by another run, and copied here by hand.
    cpSync(join(directory.checkpoints, "sft-000001"), join(directory.checkpoints, "sft-000000"), {
      recursive: true,
    });
    const state = join(directory.checkpoints, "sft-000000", "state.json");
    writeState(join(state, ".."), { ...readState(join(state, ".."))!, run: "another" });
    for (const step of [2, 3, 4]) await saveTrial(run, step);
    expect(names()).toEqual(["sft-000000", "sft-000001", "sft-000003", "sft-000004"]);
    expect(readdirSync(join(directory.checkpoints, "sft-000001"))).toEqual(["notes.md"]);
    expect(readdirSync(join(directory.checkpoints, "sft-000000")).toSorted()).toEqual([
      "model.safetensors",
      "notes.md",
      "state.json",
    ]);
  });

  test("finishes a removal that was killed", async () => {
    {
      using run = openTrial(directory, false);
      for (const step of [1, 2]) await saveTrial(run, step);
    }
    const half = join(directory.checkpoints, "sft-000001");
    renameSync(join(half, "state.json"), join(half, "removed.json"));
    rmSync(join(half, "model.safetensors"));
    openTrial(directory, true)[Symbol.dispose]();
    expect(names()).toEqual(["sft-000002"]);
  });

  test("are not written again for the same step; what the loop says of it is", async () => {
    using run = openTrial(directory, false);
    const path = await saveTrial(run, 1, { loop: "before" });
    const { ino } = statSync(join(path, "model.safetensors"));
    await run.recorder.saveCheckpoint({
      stage: "sft",
      step: 1,
      loop: "after",
      isBest: true,
      write: () => Promise.reject(new Error("written again")),
    });
    expect(statSync(join(path, "model.safetensors")).ino).toBe(ino);
    expect(readState(path)).toMatchObject({ loop: "after", best: { sft: "sft-000001" } });
    await verifyCheckpoint(path);
  });

  test("leave no trace when writing the weights fails, and take no event with them", async () => {
    using run = openTrial(directory, false);
    await saveTrial(run, 0);
    const saved = run.recorder.saveCheckpoint({
      stage: "sft",
      step: 1,
      loop: {},
      isBest: true,
      write: async () => {
        run.recorder.record({ kind: "run-paused", stage: "sft", reason: "said meanwhile" });
        throw new Error("no space");
      },
    });
    await expect(saved).rejects.toThrow("no space");
    expect(names()).toEqual(["sft-000000"]);
    expect(readEvents(directory.events).map(({ kind }) => kind)).toEqual([
      "run-start",
      "checkpoint-saved",
      "run-paused",
    ]);
    expect(run.recorder.best).toEqual({});
  });

  test("let the loop go on while they are written: whole or absent, at the place in the events where they began", async () => {
    using run = openTrial(directory, false);
    const [isWritten, finish] = resolvable();
    const path = await run.recorder.saveCheckpoint({
      stage: "sft",
      step: 1,
      loop: {},
      isBest: true,
      write: async (folder, goOn) => {
        goOn();
        await isWritten;
        writeFileSync(join(folder, "model.safetensors"), "weights of 1");
      },
    });
    const begun = statSync(directory.events).size;
    run.recorder.record({ kind: "run-paused", stage: "sft", reason: "said meanwhile" });
    expect(listCheckpoints(directory)).toEqual([]);
    expect(run.recorder.best).toEqual({});
    const next = saveTrial(run, 2);
    finish();
    await next;
    expect(names()).toEqual(["sft-000001", "sft-000002"]);
    expect(readState(path)).toMatchObject({ eventsBytes: begun, best: { sft: "sft-000001" } });
    await verifyCheckpoint(path);
    expect(run.recorder.best).toEqual({ sft: "sft-000001" });
  });

  test("tell the next that waits, and no other, why one could not be written", async () => {
    using run = openTrial(directory, false);
    const save = (step: number): Promise<string> =>
      run.recorder.saveCheckpoint({
        stage: "sft",
        step,
        loop: {},
        isBest: false,
        write: async (_folder, goOn) => {
          goOn();
          await setImmediate();
          throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
        },
      });
    await save(1);
    await expect(run.recorder.settled()).rejects.toThrow("sft-000001: the disk is full.");
    await run.recorder.settled();
    await save(2);
    await expect(saveTrial(run, 3)).rejects.toThrow("sft-000002: the disk is full.");
    await saveTrial(run, 3);
    expect(names()).toEqual(["sft-000003"]);
  });

  test("are found from the run's folder: the best of the last stage", async () => {
    using run = openTrial(directory, false);
    await trainTrial(run);
    const best = join(directory.checkpoints, "sft-000003");
    expect(resolveCheckpoint(directory.path)).toBe(best);
    expect(resolveCheckpoint(best)).toBe(best);
    expect(runOfCheckpoint(best)?.path).toBe(directory.path);
    expect(runOfCheckpoint(tmpdir())).toBeUndefined();
    expect(() => resolveCheckpoint(tmpdir())).toThrow("neither a checkpoint nor a run");
    rmSync(best, { recursive: true });
    expect(() => resolveCheckpoint(directory.path)).toThrow("the best checkpoint of the run, is not there");
  });
});

describe("who is told of events", () => {
  test("hears them until it goes", () => {
    using run = openTrial(directory, false);
    const heard: string[] = [];
    const leave = run.recorder.subscribe(({ kind }) => heard.push(kind));
    run.recorder.record({ kind: "stage-start", stage: "sft", steps: 1 });
    leave();
    run.recorder.record({ kind: "run-end" });
    expect(heard).toEqual(["stage-start"]);
  });

  test("cannot stop the run by failing: that is said once, and the others hear on", async () => {
    using run = openTrial(directory, false);
    const heard: string[] = [];
    const warned = once(process, "warning");
    run.recorder.subscribe(() => {
      throw new Error("the terminal is gone");
    });
    run.recorder.subscribe(({ kind }) => heard.push(kind));
    run.recorder.record({ kind: "stage-start", stage: "sft", steps: 1 });
    run.recorder.record({ kind: "run-end" });
    expect(heard).toEqual(["stage-start", "run-end"]);
    expect(readEvents(directory.events)).toHaveLength(3);
    expect(String((await warned)[0])).toContain("the terminal is gone");
  });
});

describe("pictures of a run", () => {
  test("are saved once under the hash of their content", () => {
    using run = openTrial(directory, false);
    const png = new Uint8Array([0x89, 0x50, 1, 2, 3]);
    const name = run.recorder.saveImage(png);
    expect(run.recorder.saveImage(png)).toBe(name);
    expect(readdirSync(directory.images)).toEqual([name]);
    expect(name).toMatch(/^[0-9a-f]{20}\.png$/);
    expect(() => run.recorder.saveImage(new Uint8Array([1, 2]))).toThrow("neither PNG, JPEG nor WebP");
  });
});
