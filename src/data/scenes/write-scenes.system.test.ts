import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { ConfigError, DataError } from "../../errors.ts";
import { decodeExample, isBroken } from "../edit-dataset.ts";
import { fileSha256 } from "../file-hash.ts";
import { openOmniEdit } from "../omniedit-dataset.ts";
import { generateScenes } from "./generate.ts";
import { renderScene } from "./render.ts";
import { writeScenes, type SceneDatasetOptions, type SceneProgress } from "./write-scenes.ts";

const PUBLISHED = join(
  import.meta.dirname,
  "../../../test/fixtures/datasets/omniedit/data/dev-00000-of-00001.parquet",
);

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-scenes-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

function options(changes: Partial<SceneDatasetOptions> = {}): SceneDatasetOptions {
  return {
    directory: join(folder, "scenes"),
    seed: 5,
    counts: { train: 40, validation: 8, test: 16 },
    imperfect: 0.25,
    ...changes,
  };
}

describe("writeScenes", () => {
  test("writes what the reader of OmniEdit's files reads back", async () => {
    await writeScenes(options());
    const dataset = await openOmniEdit(options().directory, "train");
    const rows = await dataset.read(Array.from({ length: dataset.count }, (_, index) => index));
    const read = rows.flatMap((row) => (isBroken(row) ? [] : [row]));
    const drawn = [
      ...generateScenes({ seed: 5, split: "train", count: 40, imperfect: 0.25, cells: 4, phrasing: "plain" }),
    ];
    expect(read.map(({ id, task, instruction, thought }) => ({ id, task, instruction, thought }))).toEqual(
      drawn.map(({ id, kind, instruction, thought }) => ({ id, task: kind, instruction, thought })),
    );
    for (const [index, example] of read.entries()) {
      const { source, target } = await decodeExample(example);
      const original = drawn[index];
      if (original === undefined || target === undefined) throw new Error("a row is missing");
      expect(source).toEqual(renderScene(original.source));
      expect(target).toEqual(renderScene(original.target));
    }
  });

  test("has OmniEdit's schema, with two columns of ours behind it", async () => {
    await writeScenes(options());
    const schemaOf = async (path: string): Promise<string[]> => {
      const { schema } = await parquetMetadataAsync(await asyncBufferFromFile(path));
      return schema
        .slice(1)
        .map(({ name, type, num_children, repetition_type, converted_type, logical_type }) =>
          JSON.stringify([name, type, num_children, repetition_type, converted_type, logical_type]),
        );
    };
    const ours = await schemaOf(join(options().directory, "test-00000-of-00001.parquet"));
    const theirs = await schemaOf(PUBLISHED);
    expect(ours.slice(0, -2).toSorted()).toEqual(theirs.toSorted());
    expect(ours.slice(-2).join()).toMatch(/thought.*imperfection/);
  });

  test("says in the rows and in dataset.json which are wrong; held-out rows are right", async () => {
    const record = await writeScenes(options());
    const written: unknown = JSON.parse(await readFile(join(options().directory, "dataset.json"), "utf8"));
    expect(written).toEqual(record);
    for (const split of ["train", "validation", "test"] as const) {
      const { file, rows, sha256, tasks, imperfections } = record.splits[split];
      const path = join(options().directory, file);
      expect(sha256).toBe(await fileSha256(path));
      const cells = await parquetReadObjects({
        file: await asyncBufferFromFile(path),
        columns: ["imperfection", "o_score", "width"],
      });
      expect(cells.length).toBe(rows);
      expect(Object.values(tasks).reduce((sum, count) => sum + count, 0)).toBe(rows);
      expect(cells.filter(({ imperfection }) => imperfection !== "none").length).toBe(
        split === "train" ? 10 : 0,
      );
      expect(Object.values(imperfections).reduce((sum, count) => sum + count, 0)).toBe(
        split === "train" ? 10 : 0,
      );
      expect(cells[0]).toEqual({
        imperfection: cells[0]?.["imperfection"] as string,
        o_score: null,
        width: 32n,
      });
    }
  });

  test("gives the same bytes for the same settings", async () => {
    const first = await writeScenes(options());
    const second = await writeScenes(options({ directory: join(folder, "again") }));
    expect(second).toEqual(first);
  });

  test("reports progress up to the end", async () => {
    const seen: SceneProgress[] = [];
    await writeScenes(options(), (progress) => seen.push(progress));
    expect(seen.at(-1)).toEqual({ split: "test", done: 64, total: 64 });
    expect(seen.map(({ done }) => done)).toEqual([40, 48, 64]);
  });

  test("replaces a dataset of its own only when told to", async () => {
    await writeScenes(options());
    await expect(writeScenes(options({ seed: 6 }))).rejects.toThrow("holds a dataset already");
    const replaced = await writeScenes(options({ seed: 6, overwrite: true }));
    expect(replaced.seed).toBe(6);
    expect(await readdir(folder)).toEqual(["scenes"]);
  });

  test("never touches a folder that holds something else", async () => {
    await mkdir(options().directory);
    await writeFile(join(options().directory, "thesis.txt"), "years of work");
    const attempt = writeScenes(options({ overwrite: true }));
    await expect(attempt).rejects.toThrow(DataError);
    await expect(attempt).rejects.toThrow("thesis.txt");
    expect(await readdir(options().directory)).toEqual(["thesis.txt"]);
  });

  test.each(["train-00000-of-00001.parquet", "validation-00000-of-00001.parquet", "dataset.json"])(
    "never replaces somebody's own %s",
    async (name) => {
      const { directory } = options();
      await mkdir(directory);
      await writeFile(join(directory, name), "somebody's");
      await expect(writeScenes(options({ overwrite: true }))).rejects.toThrow("was not written by earl");
      expect(await readFile(join(directory, name), "utf8")).toBe("somebody's");
    },
  );

  test("never replaces a file that somebody put in the place of one of its own", async () => {
    await writeScenes(options());
    const path = join(options().directory, "train-00000-of-00001.parquet");
    await writeFile(path, "somebody's");
    await expect(writeScenes(options({ overwrite: true }))).rejects.toThrow("or was changed since");
    expect(await readFile(path, "utf8")).toBe("somebody's");
  });

  test("sweeps away what a killed writing left, and no folder of somebody's that has its name", async () => {
    const staging = `${options().directory}.partial`;
    await mkdir(staging);
    await writeFile(join(staging, "dataset.json"), "somebody's");
    await expect(writeScenes(options())).rejects.toThrow("is in the way");
    expect(await readdir(staging)).toEqual(["dataset.json"]);
    await writeFile(join(staging, "written-by-earl"), "");
    await writeScenes(options());
    expect(await readdir(folder)).toEqual(["scenes"]);
  });

  test("never replaces what somebody puts there while it writes", async () => {
    await writeScenes(options());
    const path = join(options().directory, "notes.txt");
    const attempt = writeScenes(options({ seed: 6, overwrite: true }), ({ split }) => {
      if (split === "test") writeFileSync(path, "years of work");
    });
    await expect(attempt).rejects.toThrow("notes.txt");
    expect((await readdir(options().directory)).toSorted()).toEqual([
      "dataset.json",
      "notes.txt",
      "test-00000-of-00001.parquet",
      "train-00000-of-00001.parquet",
      "validation-00000-of-00001.parquet",
    ]);
    expect(await readdir(folder)).toEqual(["scenes"]);
  });

  test("replaces what a link leads to, and keeps the link", async () => {
    await mkdir(join(folder, "disk"));
    await symlink(join(folder, "disk"), options().directory);
    await writeScenes(options());
    await writeScenes(options({ seed: 6, overwrite: true }));
    expect((await lstat(options().directory)).isSymbolicLink()).toBe(true);
    expect(await readdir(join(folder, "disk"))).toHaveLength(4);
  });

  test("writes into the folder that somebody stands in", () => {
    const script = `
      import { writeScenes } from ${JSON.stringify(join(import.meta.dirname, "write-scenes.ts"))};
      for (const seed of [1, 2])
        await writeScenes({ directory: ".", seed, counts: { train: 2, validation: 1, test: 1 }, overwrite: true });
    `;
    const tsx = import.meta.resolve("tsx");
    execFileSync(process.execPath, ["--import", tsx, "--input-type=module", "-e", script], { cwd: folder });
    expect(readdirSync(folder)).toHaveLength(4);
    expect(JSON.parse(readFileSync(join(folder, "dataset.json"), "utf8"))).toMatchObject({ seed: 2 });
  });

  test("says that a disk is full, and leaves nothing behind", () => {
    const script = `
      import { writeScenes } from ${JSON.stringify(join(import.meta.dirname, "write-scenes.ts"))};
      await writeScenes({ directory: "full", seed: 1, counts: { train: 2000, validation: 1, test: 1 } });
    `;
    const words = [
      process.execPath,
      "--import",
      import.meta.resolve("tsx"),
      "--input-type=module",
      "-e",
      script,
    ];
    // A limit on the size of files is the nearest thing to a full disk that needs no special rights.
    const { stderr } = spawnSync("bash", ["-c", 'ulimit -f 24; trap "" XFSZ; exec "$@"', "-", ...words], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(stderr).toMatch(/DataError: Cannot write the dataset to full: EFBIG/);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("leaves nothing behind when it is stopped half-way", async () => {
    const stop = new Error("stopped");
    const attempt = writeScenes(options(), ({ split }) => {
      if (split === "validation") throw stop;
    });
    await expect(attempt).rejects.toBe(stop);
    expect(await readdir(folder)).toEqual([]);
  });

  test("says so where it cannot write", async () => {
    await writeFile(join(folder, "file"), "");
    const attempt = writeScenes(options({ directory: join(folder, "file", "scenes") }));
    await expect(attempt).rejects.toThrow(DataError);
    await expect(attempt).rejects.toThrow("Cannot write the dataset");
  });

  test("names every setting that is out of range at once", async () => {
    const attempt = writeScenes(
      options({ counts: { train: 0, validation: 1, test: 1.5 }, imperfect: 2, cells: 1, seed: -1 }),
    );
    await expect(attempt).rejects.toThrow(ConfigError);
    await expect(attempt).rejects.toThrow(/train .* test .* imperfect .* cells .* seed/);
    expect(await readdir(folder)).toEqual([]);
  });
});
