import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { folderNamed, namedFiles } from "./named-files.ts";
import { splitFiles } from "./split-files.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-named-"));
  await mkdir(join(folder, "a [b]", "data"), { recursive: true });
  for (const name of ["train-0.parquet", "train-1.parquet", "dev-0.parquet", "own.parquet"]) {
    await writeFile(join(folder, "a [b]", "data", name), "");
  }
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const named = async (pattern: string): Promise<string[] | undefined> =>
  (await namedFiles(join(folder, pattern)))?.map((path) => path.slice(folder.length + 1));

describe("namedFiles", () => {
  test("takes a path as it is, and leaves folders alone", async () => {
    expect(await named("a [b]/data/own.parquet")).toEqual(["a [b]/data/own.parquet"]);
    expect(await named("a [b]")).toBeUndefined();
    expect(await named("none")).toBeUndefined();
  });

  test("finds what a pattern says, also through folders", async () => {
    const both = ["a [b]/data/train-0.parquet", "a [b]/data/train-1.parquet"];
    expect(await named("a*/data/train-?.parquet")).toEqual(both);
    expect(await named("**/train-[01].parquet")).toEqual(both);
    expect(await named("a*/nothing-*")).toEqual([]);
    expect(await folderNamed(join(folder, "a*/data/*.parquet"))).toBe(folder);
    expect(await folderNamed(join(folder, "a [b]/data/own.parquet"))).toBe(join(folder, "a [b]/data"));
  });

  test("gives each split the files whose names say it, and training what says none", async () => {
    const pattern = join(folder, "*", "data", "*.parquet");
    const names = async (split: "train" | "validation" | "test"): Promise<string[]> =>
      (await splitFiles(pattern, split)).files.map((path) => path.split("/").at(-1)!);
    expect(await names("train")).toEqual(["own.parquet", "train-0.parquet", "train-1.parquet"]);
    expect(await names("validation")).toEqual(["dev-0.parquet"]);
    await expect(names("test")).rejects.toThrow("has no test-*.parquet. It has");
  });
});
