import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { DataError } from "../errors.ts";
import { splitFiles } from "./split-files.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-splits-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function lay(...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), path);
  }
}

/** Names of a split's files within the folder, from whichever folder of it is asked. */
async function found(split: "train" | "validation" | "test", asked = "."): Promise<string[]> {
  const { files } = await splitFiles(join(folder, asked), split);
  return files.map((path) => relative(folder, path));
}

async function refusal(split: "train" | "validation" | "test", asked = "."): Promise<DataError> {
  const error: unknown = await splitFiles(join(folder, asked), split).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(DataError);
  return error as DataError;
}

describe("splitFiles finds the layouts that people have", () => {
  test.each([".", "data"])("files named after the split, asked at %s", async (asked) => {
    await lay("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "data/dev.parquet");
    expect(await found("train", asked)).toEqual([
      "data/train-00000-of-00002.parquet",
      "data/train-00001-of-00002.parquet",
    ]);
    expect(await found("validation", asked)).toEqual(["data/dev.parquet"]);
  });

  test.each([".", "default", "default/train", "default/test"])(
    "what the hub's conversion makes, asked at %s",
    async (asked) => {
      await lay(
        "default/train/0000.parquet",
        "default/train/0001.parquet",
        "default/validation/0000.parquet",
      );
      await lay("default/test/0000.parquet");
      expect(await found("train", asked)).toEqual([
        "default/train/0000.parquet",
        "default/train/0001.parquet",
      ]);
      expect(await found("validation", asked)).toEqual(["default/validation/0000.parquet"]);
      expect(await found("test", asked)).toEqual(["default/test/0000.parquet"]);
    },
  );

  test("the first part of a dataset that was too large to convert", async () => {
    await lay("default/partial-train/0000.parquet", "default/test/0000.parquet");
    expect(await found("train")).toEqual(["default/partial-train/0000.parquet"]);
    expect(await found("test", "default/partial-train")).toEqual(["default/test/0000.parquet"]);
  });

  test("a split's name within the files' names, and several series of shards", async () => {
    const files = ["addition-dev-00000-of-00001", "removal-dev-00000-of-00002", "removal-dev-00001-of-00002"];
    await lay(...files.map((name) => `data/${name}.parquet`));
    expect(await found("validation")).toEqual(files.map((name) => `data/${name}.parquet`));
  });

  test("a folder of the hub's cache, whose files are links", async () => {
    await lay("blobs/abc", "snapshots/rev/readme.md");
    await symlink("../../blobs/abc", join(folder, "snapshots/rev/train-00000-of-00001.parquet"));
    expect(await found("train")).toEqual(["snapshots/rev/train-00000-of-00001.parquet"]);
  });

  test("the usual name of a split before its other names", async () => {
    await lay("val.parquet", "dev.parquet", "validation.parquet");
    expect(await found("validation")).toEqual(["validation.parquet"]);
  });

  test("what lies nearest, with a word about the rest", async () => {
    await lay("train.parquet", "old/train.parquet", ".cache/train.parquet");
    const { files, notices } = await splitFiles(folder, "train");
    expect(files).toEqual([join(folder, "train.parquet")]);
    expect(notices).toEqual([
      `Not read, since the split train lies above them: ${join(folder, "old/train.parquet")}.`,
    ]);
  });

  test("the same shards in the folder and in its data/ once, with a word about it", async () => {
    await lay("train-00000-of-00001.parquet");
    await mkdir(join(folder, "data"));
    await writeFile(join(folder, "data/train-00000-of-00001.parquet"), "train-00000-of-00001.parquet");
    const { files, notices } = await splitFiles(folder, "train");
    expect(files).toEqual([join(folder, "train-00000-of-00001.parquet")]);
    expect(notices.join()).toContain("data/train-00000-of-00001.parquet");
  });

  test("folders that lead in a circle end", async () => {
    await lay("train.parquet");
    await symlink(folder, join(folder, "again"));
    expect(await found("train")).toEqual(["train.parquet"]);
  });
});

describe("splitFiles refuses", () => {
  test("shards of which some are missing, by name", async () => {
    await lay("train-00000-of-00003.parquet", "train-00002-of-00003.parquet");
    const { message, hint } = await refusal("train");
    expect(message).toContain("lacks train-00001-of-00003.parquet.");
    expect(hint).toContain("without the -of-N");
  });

  test("few shards of many, without counting all that are missing", async () => {
    await lay("train-00000-of-999999999.parquet");
    expect((await refusal("train")).message).toContain(
      "lacks train-00001-of-999999999.parquet, train-00002-of-999999999.parquet, train-00003-of-999999999.parquet and 999999995 more shards.",
    );
  });

  test("a gap in numbered files", async () => {
    await lay("train/0000.parquet", "train/0003.parquet");
    expect((await refusal("train")).message).toContain("lacks 0001.parquet, 0002.parquet.");
  });

  test("files of one name and two sizes", async () => {
    await lay("train.parquet", "data/train.parquet");
    expect((await refusal("train")).message).toContain("have one name and different sizes");
  });

  test("several datasets in one folder, naming them", async () => {
    await lay("cats/train/0000.parquet", "dogs/train/0000.parquet");
    const { message, hint } = await refusal("train");
    expect(message).toContain("in cats, dogs.");
    expect(hint).toContain(join(folder, "cats"));
  });

  test("a folder without the split, saying what helps", async () => {
    await lay("train.parquet", "dev.parquet");
    const { message, hint } = await refusal("test");
    expect(message).toContain("has no test-*.parquet. It has dev.parquet, train.parquet.");
    expect(hint).toContain("evaluation.size=0");
  });

  test("a folder of more files than a dataset has, without looking at all of them", async () => {
    await lay("train.parquet", ...[0, 1, 2, 3].map((name) => `photos/${name}.png`));
    await expect(splitFiles(folder, "train", { mostNames: 5 })).rejects.toThrow(
      "holds more than 5 files and folders",
    );
    expect((await splitFiles(folder, "train", { mostNames: 6 })).files).toHaveLength(1);
  });

  test("a folder without parquet files, and a file in place of a folder", async () => {
    await lay("train.json");
    expect((await refusal("train")).message).toContain("There is no parquet file in it.");
    expect((await refusal("train", "train.json")).message).toContain("is no parquet file");
  });
});
