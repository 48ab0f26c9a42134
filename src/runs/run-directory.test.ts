import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, mkdirSync, readFileSync, truncateSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { RunDirectory } from "./run-directory.ts";

/** Saves and removes a checkpoint over and over, until it is ended. */
const PRUNING = `
  const { mkdirSync, rmSync, writeFileSync } = require("node:fs");
  const folder = process.argv[1];
  process.stdout.write("begun");
  for (;;) {
    mkdirSync(folder + "/deep", { recursive: true });
    for (const name of ["a", "deep/b", "deep/c"]) writeFileSync(folder + "/" + name, "weights");
    rmSync(folder, { recursive: true });
  }
`;

test("the size of a run is told while its checkpoints come and go", async () => {
  const run = new RunDirectory(mkdtempSync(join(tmpdir(), "earl-size-")));
  mkdirSync(run.checkpoints);
  const pruning = spawn(process.execPath, ["-e", PRUNING, join(run.checkpoints, "sft-000001")]);
  try {
    await once(pruning.stdout, "data");
    const sizes = new Set<number>();
    for (let look = 0; look < 3000 || (sizes.size < 2 && look < 1_000_000); look += 1) {
      sizes.add(run.sizeBytes());
    }
    // Some looks fell between a folder's listing and its files'.
    expect(sizes.size).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(21);
  } finally {
    pruning.kill("SIGKILL");
    await once(pruning, "close");
  }
});

test("a picture that a machine without power left empty is saved anew", () => {
  const run = new RunDirectory(mkdtempSync(join(tmpdir(), "earl-images-")));
  mkdirSync(run.images);
  const encoded = new Uint8Array([0x89, 0x50, 1, 2, 3]);
  const path = join(run.images, run.saveImage(encoded));
  truncateSync(path);
  run.saveImage(encoded);
  expect([...readFileSync(path)]).toEqual([...encoded]);
  // One that somebody took away is nothing to wait for.
  unlinkSync(path);
  run.flushImages();
});
