/** `earl data prepare`: whole, stopped and gone on with, refused, on a full disk; and training from what it wrote. */

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { beforeAll, describe, expect, test } from "vitest";

import { isBroken } from "../src/data/edit-dataset.ts";
import { openPrepared } from "../src/data/prepared/prepared-dataset.ts";
import { readPreparedRecord } from "../src/data/prepared/prepared-record.ts";
import { writeScenes } from "../src/data/scenes/write-scenes.ts";
import { decodePicture } from "../src/images/codec.ts";
import { comparableEvents } from "../src/runs/event-log.ts";
import { openVisionTokenizer } from "../src/tokens/open-vision-tokenizer.ts";
import { earl, earlCommand } from "./run-earl.ts";
import { spoilRows } from "./small/spoiled-rows.ts";

const counts = { train: 300, validation: 40, test: 24 };
let scenes: string;
beforeAll(async () => {
  scenes = join(mkdtempSync(join(tmpdir(), "earl-prepare-")), "scenes");
  await writeScenes({ directory: scenes, seed: 3, counts });
});

/** A folder with a config whose data are the scenes, or `data`. */
function workshop(data = `{ directory: ${scenes} }`): { folder: string; config: string; out: string } {
  const folder = mkdtempSync(join(tmpdir(), "earl-prepare-"));
  const config = join(folder, "run.yaml");
  writeFileSync(config, `name: small\nalgorithm: sft-grpo\ndata: ${data}\n`);
  return { folder, config, out: join(folder, "prepared") };
}

const contentOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder)
      .toSorted()
      .map((name) => [name, readFileSync(join(folder, name)).toString("base64")]),
  );

const prepare = (config: string, out: string, ...more: string[]): ReturnType<typeof earl> =>
  earl("data", "prepare", config, "--out", out, "--rows-per-shard", "64", ...more);

/** `earl train`, whose run goes into `folder`/runs. */
async function trainIn(folder: string, ...words: string[]): ReturnType<typeof earl> {
  const before = process.cwd();
  process.chdir(folder);
  try {
    return await earl("train", ...words);
  } finally {
    process.chdir(before);
  }
}

/** What a run computed. */
const numbersOf = (run: string): unknown[] =>
  comparableEvents(join(run, "events.jsonl")).filter(({ kind }) =>
    ["step-end", "evaluation-end", "arms-evaluated"].includes(String(kind)),
  );

describe("earl data prepare", () => {
  test("writes codes that decode to the pictures, with words and provenance, the same bytes each time", async () => {
    const { config, out, folder } = workshop();
    expect(await prepare(config, out, "--pictures")).toMatchObject({ code: 0, out: `${out}\n` });
    const dataset = await openPrepared(out, "train");
    expect(dataset.count).toBe(counts.train);
    const vision = await openVisionTokenizer(out);
    for (const row of await dataset.read([299, 0, 64])) {
      if (isBroken(row)) throw new Error(row.broken);
      const [picture] = await vision.decode([row.codes!.source]);
      expect(picture).toEqual(await decodePicture(row.source!, "source"));
      expect(row.origin).toMatch(/^train-0000[0-4]-of-00005\.parquet, row \d+$/);
      expect(row.thought).toContain("Change:");
    }
    const again = join(folder, "again");
    expect((await prepare(config, again, "--pictures")).code).toBe(0);
    expect(contentOf(again)).toEqual(contentOf(out));
  });

  test("goes on where it was killed, and gives what an undisturbed one gives", async () => {
    const { config, out, folder } = workshop();
    const whole = join(folder, "whole");
    expect((await prepare(config, whole)).code).toBe(0);
    const words = ["data", "prepare", config, "--out", out, "--rows-per-shard", "64"];
    for (const shards of [1, 3]) {
      const [program, all] = earlCommand(...words);
      const child = spawn(program, all, { stdio: "ignore" });
      const ended = new Promise((resolve) => child.once("close", resolve));
      const written = (): number => {
        try {
          return readdirSync(out).filter((name) => name.endsWith(".parquet")).length;
        } catch {
          return 0;
        }
      };
      await expect.poll(written, { timeout: 30_000, interval: 2 }).toBeGreaterThanOrEqual(shards);
      child.kill("SIGKILL");
      await ended;
    }
    const times = new Map(readdirSync(out).map((name) => [name, statSync(join(out, name)).mtimeMs]));
    expect((await prepare(config, out)).code).toBe(0);
    // Nor is there anything left of what was being written.
    expect(contentOf(out)).toEqual(contentOf(whole));
    const first = "train-00000-of-00005.parquet";
    expect(statSync(join(out, first)).mtimeMs).toBe(times.get(first));
  });

  test("refuses to mix data and settings, and folders that it did not write", async () => {
    const { config, out, folder } = workshop();
    expect((await prepare(config, out)).code).toBe(0);
    const other = await earl("data", "prepare", config, "--out", out, "--rows-per-shard", "50");
    expect(other).toMatchObject({ code: 2 });
    expect(other.err).toContain("--rows-per-shard was 64 and is 50");
    const changed = join(folder, "changed");
    await writeScenes({ directory: changed, seed: 4, counts });
    const moved = await prepare(config, out, "--set", `data.directory=${changed}`);
    expect(moved.err).toContain("train/train-00000-of-00001.parquet has other content");
    const mine = join(folder, "mine");
    await writeScenes({ directory: mine, seed: 5, counts });
    expect((await prepare(config, mine)).err).toContain("is no folder of prepared edits");
    expect((await openPrepared(out, "test")).count).toBe(counts.test);
  });

  test("leaves broken rows out, counts them, and remembers them", async () => {
    const broken = join(mkdtempSync(join(tmpdir(), "earl-prepare-")), "broken");
    await writeScenes({ directory: broken, seed: 3, counts });
    await spoilRows(join(broken, "train-00000-of-00001.parquet"), {
      7: "a cut picture",
      70: "bytes of null",
    });
    const { config, out } = workshop(`{ directory: ${broken} }`);
    const { code, err } = await prepare(config, out);
    expect(code).toBe(0);
    expect(err).toContain("298 train (2 could not be read)");
    expect((await openPrepared(out, "train")).count).toBe(298);
    expect((await prepare(config, out)).err).toContain("298 train (2 could not be read)");
  });

  test("says that the disk is full, and goes on when it is not", async () => {
    const { config, out } = workshop();
    const [program, words] = earlCommand("data", "prepare", config, "--out", out, "--pictures");
    const full = spawnSync("bash", ["-c", 'ulimit -f 48; exec "$@"', "-", program, ...words], {
      encoding: "utf8",
    });
    expect(full.status).toBe(2);
    expect(full.stderr).toMatch(/Cannot write .*train-.*: the (?:file would be too large|disk is full)\./);
    await expect(openPrepared(out, "train")).rejects.toThrow("not prepared to its end");
    expect((await earl("data", "prepare", config, "--out", out, "--pictures")).code).toBe(0);
    expect((await openPrepared(out, "train")).count).toBe(counts.train);
  });

  test("prepares each source of a mixture on its own", async () => {
    const data = `{ kind: mixture, sources: [{ name: a, directory: ${scenes} }, { name: b, directory: ${scenes}, weight: 0.5 }] }`;
    const { config, out } = workshop(data);
    expect(await prepare(config, out)).toMatchObject({
      code: 0,
      out: `${join(out, "a")}\n${join(out, "b")}\n`,
    });
    expect((await openPrepared(join(out, "b"), "train")).count).toBe(counts.train);
    expect((await prepare(config, out, "--source", "c")).err).toContain("no data named c");
  });
});

describe("earl data prepare, of what goes together", () => {
  test("gives the sources of a mixture one codebook, prepared together or one after another", async () => {
    const folders = mkdtempSync(join(tmpdir(), "earl-prepare-"));
    // So few that neither has every patch of the other.
    const few = { train: 60, validation: 8, test: 8 };
    const [one, other] = [join(folders, "one"), join(folders, "other")];
    await writeScenes({ directory: one, seed: 1, counts: few });
    await writeScenes({ directory: other, seed: 2, counts: few });
    const data = `{ kind: mixture, sources: [{ name: a, directory: ${one} }, { name: b, directory: ${other} }] }`;
    const { config, out, folder } = workshop(data);
    expect((await prepare(config, out)).code).toBe(0);
    const visionOf = (of: string, name: string): unknown => readPreparedRecord(join(of, name))?.vision;
    expect(visionOf(out, "b")).toEqual(visionOf(out, "a"));
    const single = join(folder, "single");
    for (const name of ["b", "a"]) expect((await prepare(config, single, "--source", name)).code).toBe(0);
    for (const name of ["a", "b"]) expect(contentOf(join(single, name))).toEqual(contentOf(join(out, name)));
  });

  test("prepares what stages train on, each into a folder that training reads", async () => {
    const { config, out, folder } = workshop();
    const other = join(folder, "other");
    await writeScenes({ directory: other, seed: 5, counts: { train: 60, validation: 8, test: 8 } });
    const stages = (one: string, rl: string): string =>
      `sft: { steps: 4, evaluateEvery: 4, batchSize: 4, data: [{ ${one}, steps: 2 }, { ${rl} }] }\n` +
      `grpo: { steps: 1, prompts: 2, groupSize: 2, validationSize: 4, data: [{ ${rl} }] }\n`;
    const rest = "policy: { layers: 1 }\nevaluation: { size: 4 }\n";
    const whole = readFileSync(config, "utf8") + rest;
    writeFileSync(config, whole + stages(`directory: ${scenes}`, `directory: ${other}`));
    const { code, out: folders } = await prepare(config, out);
    const names = ["data", "sft.data.0", "sft.data.1", "grpo.data.0"];
    expect([code, folders]).toEqual([0, names.map((name) => `${join(out, name)}\n`).join("")]);
    expect(Object.keys(readPreparedRecord(join(out, "grpo.data.0"))!.splits)).toEqual(["train"]);
    for (const name of names) {
      expect(readPreparedRecord(join(out, name))!.vision).toEqual(
        readPreparedRecord(join(out, "data"))!.vision,
      );
    }
    const codes = join(folder, "codes.yaml");
    const prepared = (name: string): string => `kind: prepared, directory: ${join(out, name)}`;
    writeFileSync(
      codes,
      `name: codes\nalgorithm: sft-grpo\ndata: { ${prepared("data")} }\n${rest}${stages(prepared("sft.data.0"), prepared("grpo.data.0"))}`,
    );
    const numbers: unknown[] = [];
    for (const [file, name] of [
      [config, "small"],
      [codes, "codes"],
    ] as const) {
      expect(await trainIn(folder, file)).toMatchObject({ code: 0 });
      numbers.push(numbersOf(join(folder, "runs", name)));
    }
    expect(numbers[1]).toEqual(numbers[0]);
    expect((await prepare(config, out, "--source", "sft.data.7")).err).toContain("no data named sft.data.7");
  });

  test("goes without a split that is not there, and stops at one that is damaged", async () => {
    const folder = join(mkdtempSync(join(tmpdir(), "earl-prepare-")), "some");
    await writeScenes({ directory: folder, seed: 3, counts });
    const validation = join(folder, "validation-00000-of-00001.parquet");
    writeFileSync(validation, "");
    const { config, out } = workshop(`{ directory: ${folder} }`);
    const damaged = await prepare(config, out);
    expect([damaged.code, damaged.err]).toEqual([2, expect.stringContaining("is empty")]);
    rmSync(validation);
    const without = await prepare(config, out);
    expect([without.code, without.err]).toEqual([0, expect.stringContaining("Without validation")]);
  });
});

describe("training on prepared edits", () => {
  test("gives the numbers of training on the pictures", async () => {
    const { config, out, folder } = workshop();
    expect((await prepare(config, out)).code).toBe(0);
    const small = [
      "sft.steps=4",
      "sft.evaluateEvery=4",
      "grpo.steps=1",
      "grpo.prompts=2",
      "grpo.groupSize=2",
    ];
    const tiny = ["grpo.validationSize=4", "evaluation.size=4", "policy.layers=1", "sft.batchSize=4"];
    const set = [...small, ...tiny].flatMap((one) => ["--set", one]);
    expect(await trainIn(folder, config, ...set)).toMatchObject({ code: 0 });
    const codes = ["--set", "name=codes", "--set", "data.kind=prepared", "--set", `data.directory=${out}`];
    expect(await trainIn(folder, config, ...set, ...codes)).toMatchObject({ code: 0 });
    const numbers = numbersOf(join(folder, "runs", "codes"));
    expect(numbers).toEqual(numbersOf(join(folder, "runs", "small")));
    expect(numbers.length).toBeGreaterThan(6);
  });

  test("refuses codes of another vision tokenizer", async () => {
    const { config, out, folder } = workshop();
    expect((await prepare(config, out, "--set", "tokenizer.patchSize=4")).code).toBe(0);
    const mixed = join(folder, "mixed.yaml");
    writeFileSync(
      mixed,
      `name: mixed\nalgorithm: sft\ndata: { kind: mixture, sources: [{ kind: prepared, directory: ${out} }, { kind: prepared, name: other, directory: ${out}-8 }] }\n`,
    );
    expect((await prepare(config, `${out}-8`)).code).toBe(0);
    const { code, err } = await earl("train", mixed);
    expect(code).toBe(2);
    expect(err).toContain("made by different vision tokenizers");
    rmSync(out, { recursive: true });
  });
});
