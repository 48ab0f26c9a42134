import { describe, expect, test } from "vitest";

import { recordDifference, recordOf, workOf, type PreparedRecord } from "./prepared-record.ts";

const file = {
  folder: "mine",
  file: "train.jsonl",
  split: "train",
  rows: 3,
  bytes: 10,
  sha256: "a",
} as const;

const record = (
  data: Record<string, unknown> = {},
  files: PreparedRecord["files"] = [file],
): PreparedRecord =>
  recordOf({
    data: { kind: "folder", directory: "mine", ...data },
    vision: { kind: "patches", fingerprint: "f" },
    pictures: false,
    rowsPerShard: 64,
    files,
    splits: { train: { rows: 3, shards: 1 } },
  });

describe("what a folder of prepared edits was made of", () => {
  test.each([
    ["parts of thoughts", { thoughtParts: ["describe"] }, { thoughtParts: ["change"] }],
    ["columns", { columns: { instruction: "a" } }, { columns: { instruction: "b" } }],
    ["a setting that was not there", {}, { thoughtParts: ["change"] }],
  ])("is other work with other %s", (_, one, other) => {
    const [before, now] = [record(one), record(other)];
    expect(recordDifference(before, now)).toHaveLength(1);
    expect(recordDifference(before, now)[0]).toMatch(/^data\.(thoughtParts|columns) was /);
    expect(workOf(before)).not.toBe(workOf(now));
  });

  test("is the same work where files moved, settings came in another order, or say nothing of rows", () => {
    const before = record({ parts: ["ag"], thoughtParts: ["change"], thoughts: true });
    const now = record({ thoughtParts: ["change"], parts: ["ag"], directory: "moved", maxBrokenShare: 0.5 });
    expect(recordDifference(before, now)).toEqual([]);
    expect(workOf(before)).toBe(workOf(now));
  });

  test("tells files of one name apart: rows, and the thoughts beside them", () => {
    const thoughts = { ...file, folder: "thoughts", bytes: 20, sha256: "b" } as const;
    expect(recordDifference(record({}, [file, thoughts]), record({}, [file, thoughts]))).toEqual([]);
    const other = record({}, [file, { ...thoughts, sha256: "c" }]);
    expect(recordDifference(record({}, [file, thoughts]), other)).toEqual([
      "train/train.jsonl (2) has other content",
    ]);
    expect(recordDifference(record({}, [file, thoughts]), record())).toEqual([
      "train/train.jsonl (2) is gone",
    ]);
  });
});
