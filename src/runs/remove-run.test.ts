import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

import { beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

import { openTrial, startTrial, trainTrial, trialDirectory } from "../../test/small/trial-run.ts";
import { removeRun } from "./remove-run.ts";
import type { RunDirectory } from "./run-directory.ts";

let directory: RunDirectory;
beforeEach(() => {
  directory = trialDirectory();
});

describe("removeRun", () => {
  test("removes the whole folder of a run", async () => {
    {
      using run = openTrial(directory, false);
      await trainTrial(run);
      run.recorder.saveImage(new Uint8Array([0x89, 0x50, 1, 2, 3]));
    }
    writeFileSync(directory.report, "");
    writeFileSync(join(directory.checkpoints, "latest.json"), "");
    removeRun(directory);
    expect(existsSync(directory.path)).toBe(false);
    removeRun(directory);
  });

  test("leaves what earl did not write, beside the weights too", async () => {
    await startTrial(directory);
    const mine = ["notes.md", "checkpoints/sft-000000/notes.md", "checkpoints/best.pt", "images/cat.png"];
    for (const name of mine) writeFileSync(join(directory.path, name), "mine");
    removeRun(directory);
    const left = readdirSync(directory.path, { recursive: true, withFileTypes: true });
    expect(
      left
        .filter((entry) => entry.isFile())
        .map((entry) => relative(directory.path, join(entry.parentPath, entry.name)))
        .toSorted(),
    ).toEqual(mine.toSorted());
  });

  test("refuses while the run is written", async () => {
    await startTrial(directory);
    using _ = openTrial(directory, true);
    expect(() => removeRun(directory)).toThrow("is being written by process");
    expect(existsSync(directory.events)).toBe(true);
  });

  test("removes a run of before runs had an id and checksums", async () => {
    await startTrial(directory);
    const state = join(directory.checkpoints, "sft-000000", "state.json");
    const {
      run: _,
      files: _f,
      sha256: _s,
      ...old
    } = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(state, "utf8")));
    writeFileSync(state, JSON.stringify(old));
    writeFileSync(directory.events, '{"kind":"run-start","name":"trial","seed":0,"time":1}\n');
    removeRun(directory);
    expect(existsSync(directory.path)).toBe(false);
  });
});
