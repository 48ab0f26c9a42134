/** Completions are written from a copy of the weights: every bit of it is the master's, rounded. */

import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { describe, expect, test } from "vitest";

import { engineEnvironment } from "../../config/env.ts";
import { ENGINE_PACKAGE } from "./python-environment.ts";
import { pythonForTests } from "./small-torch.contract.ts";

const python = pythonForTests() ?? "";
const SCRIPT = fileURLToPath(new URL("../../../test/small/sampler-copy.py", import.meta.url));

interface Copy {
  readonly before: number;
  readonly stale: number;
  readonly after: number;
  readonly moved: number;
  readonly numbers: number;
  readonly parts: number;
  readonly offloaded: number;
  readonly masters: string;
}

async function copyOn(ranks: number, offload: "none" | "optimizer"): Promise<Copy[]> {
  const meeting = join(mkdtempSync(join(tmpdir(), "earl-copy-")), "meeting");
  const env = engineEnvironment({ packages: ENGINE_PACKAGE, threads: 1 });
  return Promise.all(
    Array.from({ length: ranks }, async (_, rank) => {
      const words = [SCRIPT, String(rank), String(ranks), meeting, offload];
      const { stdout } = await promisify(execFile)(python, words, { env });
      return JSON.parse(stdout) as Copy;
    }),
  );
}

describe.skipIf(python === "")("the sampler's copy", () => {
  test("on two ranks is bfloat16 of the masters, bit for bit, after a step, and was not before it was brought over", async () => {
    for (const { before, stale, after, moved, numbers, offloaded } of await copyOn(2, "none")) {
      expect([before, after, offloaded]).toEqual([0, 0, 0]);
      // A copy that a step of 0.01 did not reach would be found.
      expect(stale).toBeGreaterThan(numbers / 4);
      expect(moved).toBe(stale);
    }
  });

  test("is the same, bit for bit, where the step is made in the node's memory", async () => {
    const [[own], [offloaded]] = await Promise.all([copyOn(1, "none"), copyOn(1, "optimizer")]);
    expect(offloaded!.parts).toBeGreaterThan(3);
    expect(offloaded).toEqual({ ...own, offloaded: offloaded!.parts });
  });
});
