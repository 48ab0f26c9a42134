import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { remoteFileText } from "./containers/remote-file.ts";
import {
  completeFingerprints,
  datasetFingerprint,
  fingerprintDifference,
  type FileFingerprint,
} from "./fingerprint.ts";

const LARGE = 9 * 2 ** 20;

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-fingerprint-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** A file's fingerprint; rows are what a reader would have counted. */
async function printOf(
  content: Uint8Array,
  { rows = 3, whole = false } = {},
): Promise<readonly FileFingerprint[]> {
  const path = join(folder, "train.parquet");
  await writeFile(path, content);
  return datasetFingerprint([{ directory: folder, split: "train", files: [{ path, rows }] }], { whole });
}

const filled = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (index >>> 8) ^ index);

function changed(content: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(content);
  copy[at] = 1 + copy[at]!;
  return copy;
}

describe("datasetFingerprint", () => {
  test("names file, split, rows and size, and hashes a small file whole", async () => {
    const content = filled(1000);
    const [print] = await printOf(content);
    expect(print).toEqual({
      folder,
      file: "train.parquet",
      split: "train",
      rows: 3,
      bytes: 1000,
      modified: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      sha256: createHash("sha256").update(content).digest("hex"),
    });
  });

  test("takes a sample of a large file, and reads it whole on request", async () => {
    const content = filled(LARGE);
    const [print] = await printOf(content);
    expect(print?.sha256).toBeUndefined();
    const [whole] = await printOf(content, { whole: true });
    expect(whole?.sample).toBe(print?.sample);
    expect(whole?.sha256).toBe(createHash("sha256").update(content).digest("hex"));
  });
});

describe("completeFingerprints", () => {
  test("reads what was sampled to its end, and nothing that is whole", async () => {
    const content = filled(LARGE);
    const large = await printOf(content);
    const heard: FileFingerprint[] = [];
    const hear = (one: FileFingerprint): void => void heard.push(one);
    await completeFingerprints(large, new AbortController().signal, hear);
    const sha256 = createHash("sha256").update(content).digest("hex");
    expect(heard).toEqual([{ ...large[0], sha256 }]);
    await completeFingerprints(heard, new AbortController().signal, () => {
      throw new Error("it was read again");
    });
  });

  test("reads nothing of what is read in pieces: it may be fetched before the run is resumed", async () => {
    const content = filled(LARGE);
    // Git's hash, which says nothing of the content alone.
    const url = "http://127.0.0.1:9/train.json";
    const pointer = remoteFileText({ url, bytes: LARGE, hash: "0".repeat(40) });
    const inPieces = await printOf(Buffer.from(pointer));
    const heard: FileFingerprint[] = [];
    await completeFingerprints(inPieces, new AbortController().signal, (one) => heard.push(one));
    expect(heard).toEqual([]);
    expect(fingerprintDifference(inPieces, await printOf(content, { whole: true }))).toEqual([]);
  });

  test("ends without a word when it is told to", async () => {
    const over = new AbortController();
    const large = await printOf(filled(LARGE));
    const heard: FileFingerprint[] = [];
    const completed = completeFingerprints(large, over.signal, (one) => heard.push(one));
    over.abort();
    await completed;
    expect(heard).toEqual([]);
  });

  test("leaves a process free to end", async () => {
    await printOf(filled(LARGE));
    const module = JSON.stringify(join(import.meta.dirname, "fingerprint.ts"));
    const script = `
      import { completeFingerprints, datasetFingerprint } from ${module};
      const files = [{ path: "train.parquet", rows: 1 }];
      const prints = await datasetFingerprint([{ directory: ".", split: "train", files }]);
      void completeFingerprints(prints, new AbortController().signal, () => console.log("read to the end"));
    `;
    const words = ["--import", import.meta.resolve("tsx"), "--input-type=module", "-e", script];
    const { stdout, status } = spawnSync(process.execPath, words, { cwd: folder, encoding: "utf8" });
    expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
  });
});

describe("fingerprintDifference", () => {
  test("finds none in a file that was copied and touched", async () => {
    for (const size of [1000, LARGE]) {
      const before = await printOf(filled(size));
      const path = join(folder, "train.parquet");
      await copyFile(path, join(folder, "copy"));
      await copyFile(join(folder, "copy"), path);
      await utimes(path, 1, 1);
      expect((await stat(path)).mtimeMs).toBe(1000);
      const now = await printOf(await readFile(path));
      expect(fingerprintDifference(before, now)).toEqual([]);
    }
  });

  test.each([
    ["a small file", 1000, 500],
    ["the start of a large file", LARGE, 10],
    ["the middle of a large file", LARGE, Math.floor(((LARGE - 320 * 1024) * 8) / 15)],
    ["the end of a large file", LARGE, LARGE - 2000],
  ])("finds a changed byte in %s", async (_, size, at) => {
    const before = await printOf(filled(size));
    const now = await printOf(changed(filled(size), at));
    expect(fingerprintDifference(before, now)).toEqual([`${folder}/train.parquet has other content`]);
  });

  test("says what changed: rows, size, files that are new or gone", () => {
    const one = { folder: "d", split: "train", rows: 3, bytes: 10, modified: "", sha256: "a" } as const;
    const before = ["a", "b", "c"].map((file) => ({ ...one, file }));
    const now = [
      { ...one, file: "a", rows: 2 },
      { ...one, file: "b", bytes: 11 },
      { ...one, file: "x" },
    ];
    expect(fingerprintDifference(before, now)).toEqual([
      "d/a had 3 rows and has 2",
      "d/b had 10 bytes and has 11",
      "d/x is new",
      "d/c is gone",
    ]);
  });

  test("compares a whole hash where both have one", () => {
    const one = {
      folder: "d",
      file: "a",
      split: "train",
      rows: 3,
      bytes: 10,
      modified: "",
      sample: "s",
    } as const;
    expect(fingerprintDifference([{ ...one, sha256: "a" }], [one])).toEqual([]);
    expect(fingerprintDifference([{ ...one, sha256: "a" }], [{ ...one, sha256: "b" }])).toEqual([
      "d/a has other content",
    ]);
  });

  test("leaves out splits that only one of them has", () => {
    const one = { folder: "d", file: "a", split: "train", rows: 3, bytes: 10, modified: "" } as const;
    expect(fingerprintDifference([one, { ...one, file: "b", split: "test" }], [one])).toEqual([]);
  });

  test("tells the uses of a file apart: splits that are made of one, sources that read one", () => {
    const one = { folder: "d", file: "a", rows: 3, bytes: 10, modified: "", sha256: "s" } as const;
    const uses = [
      { ...one, split: "train", source: "x" },
      { ...one, split: "train", source: "y" },
      { ...one, split: "test", source: "x" },
    ] as const;
    expect(fingerprintDifference(uses, uses)).toEqual([]);
    const others = uses.map((use) => ({ ...use, sha256: "t" }));
    expect(fingerprintDifference(uses, others)).toEqual(["d/a has other content"]);
    expect(fingerprintDifference(uses, uses.slice(1))).toEqual(["d/a is gone"]);
  });
});
