/**
 * Takes a run's lock again and again until its time is up, and dies with it every other time, as a kill would leave it.
 * Fails where somebody else holds the lock too. Prints how often it held the lock.
 */

import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";

import { ConfigError } from "../../src/errors.ts";
import { acquireLock } from "../../src/runs/lock.ts";

const [, , path = "", milliseconds = "", deadPid = ""] = process.argv;
const end = performance.now() + Number(milliseconds);
let held = 0;
while (performance.now() < end) {
  let lock;
  try {
    lock = acquireLock(path);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    continue;
  }
  closeSync(openSync(`${path}.inside`, "wx"));
  held += 1;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, held % 3);
  rmSync(`${path}.inside`);
  if (held % 2 === 0) lock[Symbol.dispose]();
  else {
    const owner = {
      pid: Number(deadPid),
      host: hostname(),
      started: `${process.pid}-${held}`,
      processes: "",
    };
    writeFileSync(path, JSON.stringify(owner));
  }
}
process.stdout.write(`${held}\n`);
