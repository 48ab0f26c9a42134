import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { CheckpointError } from "../errors.ts";
import { loadRollout, saveRollout, type KeptRollout } from "./rollout-file.ts";

const folder = (): string => mkdtempSync(join(tmpdir(), "earl-rollout-"));
const kept: KeptRollout = {
  step: 7,
  groups: [
    {
      example: "a/1",
      completions: [
        {
          // A part of a larger array, and numbers that no decimal text keeps by itself.
          ids: Int32Array.of(9, 70_000, 3, 2 ** 31 - 1).subarray(1, 4),
          constraints: Int8Array.of(-1, 0, 2),
          logprobs: Float32Array.of(0, -1 / 3, -Number.MIN_VALUE),
          trainerLogprobs: Float32Array.of(0, NaN, -Infinity),
          isFinished: true,
        },
      ],
    },
    { example: "b", completions: [] },
  ],
};

describe("a rollout in a checkpoint", () => {
  test("comes back to the bit", async () => {
    const directory = folder();
    await saveRollout(directory, kept);
    expect(await loadRollout(directory)).toEqual(kept);
  });

  test("is nothing where there is none", async () => {
    expect(await loadRollout(folder())).toBeUndefined();
  });

  test.each([
    ["cut off", (text: string) => text.slice(0, -9)],
    ["of bytes that are no numbers", (text: string) => text.replace(/"logprobs":"....../, '"logprobs":"')],
    [
      "of lists that are not equally long",
      (text: string) => text.replace(/"constraints":"...."/, '"constraints":"/w=="'),
    ],
  ])("that is %s is refused by name", async (_what, spoil) => {
    const directory = folder();
    await saveRollout(directory, kept);
    const path = join(directory, "rollout.json");
    writeFileSync(path, spoil(readFileSync(path, "utf8")));
    const attempt = loadRollout(directory);
    await expect(attempt).rejects.toThrow(CheckpointError);
    await expect(attempt).rejects.toThrow(path);
  });
});
