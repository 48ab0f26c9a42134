/** Of several processes that want to write a run at once, one does; also where they find the lock of a dead one. */

import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect, test } from "vitest";

test("six processes that take over dead locks never hold one together", async () => {
  const folder = mkdtempSync(join(tmpdir(), "earl-contend-"));
  const path = join(folder, "lock.json");
  const dead = String(spawnSync(process.execPath, ["-e", ""]).pid);
  const contender = fileURLToPath(new URL("run-lock/contender.ts", import.meta.url));
  const words = ["--import", import.meta.resolve("tsx"), contender, path, "3000", dead];
  const run = promisify(execFile);
  // One that finds another inside fails, and so does this.
  const done = await Promise.all(Array.from({ length: 6 }, () => run(process.execPath, words)));
  const held = done.map(({ stdout }) => Number(stdout));
  expect(held.reduce((sum, count) => sum + count)).toBeGreaterThan(100);
  expect(readdirSync(folder).filter((name) => name !== "lock.json")).toEqual([]);
}, 60_000);
