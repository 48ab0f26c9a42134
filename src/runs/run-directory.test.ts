import { mkdtempSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

import { expect, test } from "vitest";

import { RunDirectory } from "./run-directory.ts";

/** Saves and removes a checkpoint over and over, until it is ended. */
const PRUNING = `
  const { mkdirSync, rmSync, writeFileSync } = require("node:fs");
  const { parentPort, workerData } = require("node:worker_threads");
  parentPort.postMessage("begun");
  for (;;) {
    mkdirSync(workerData + "/deep", { recursive: true });
    for (const name of ["a", "deep/b", "deep/c"]) writeFileSync(workerData + "/" + name, "weights");
    rmSync(workerData, { recursive: true });
  }
`;

test("the size of a run is told while its checkpoints come and go", async () => {
  const run = new RunDirectory(mkdtempSync(join(tmpdir(), "earl-size-")));
  mkdirSync(run.checkpoints);
  const workerData = join(run.checkpoints, "sft-000001");
  const pruning = new Worker(PRUNING, { eval: true, workerData });
  try {
    await new Promise((resolve) => pruning.once("message", resolve));
    const sizes = new Set<number>();
    for (let look = 0; look < 2000; look += 1) sizes.add(run.sizeBytes());
    // Some looks fell between a folder's listing and its files'.
    expect(sizes.size).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(21);
  } finally {
    await pruning.terminate();
  }
});
