/** Commands that name what lies on the hub, against a hub on loopback. */

import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { readPreparedRecord } from "../src/data/prepared/prepared-record.ts";
import { writeScenes } from "../src/data/scenes/write-scenes.ts";
import { formatBytes } from "../src/format.ts";
import { readManifest } from "../src/runs/manifest.ts";
import { LoopbackHub } from "./hub-server/loopback-hub.ts";
import { earl } from "./run-earl.ts";
import { writeTinyCheckpoint } from "./small/tiny-checkpoint.ts";

let server: LoopbackHub;
let folder: string;
let commits: { model: string; data: string };
const home = process.cwd();

const filesOf = (of: string): Map<string, Buffer> =>
  new Map(readdirSync(of).map((name) => [name, readFileSync(join(of, name))]));

beforeAll(async () => {
  server = await LoopbackHub.open();
  folder = mkdtempSync(join(tmpdir(), "earl-hub-run-"));
  const [model, data] = [join(folder, "model"), join(folder, "data")];
  await writeTinyCheckpoint(model);
  await writeScenes({ directory: data, seed: 1, counts: { train: 1500, validation: 16, test: 8 } });
  const large = new Set(["model.safetensors", "train-00000-of-00001.parquet"]);
  commits = {
    model: server.hold({ kind: "model", name: "someone/tiny", files: filesOf(model), large }),
    data: server.hold({ kind: "dataset", name: "someone/scenes", files: filesOf(data), large }),
  };
  const dev = "data/dev-00000-of-00001.parquet";
  const omniedit = join(import.meta.dirname, "fixtures/datasets/omniedit");
  const files = new Map([[dev, readFileSync(join(omniedit, dev))]]);
  server.hold({ kind: "dataset", name: "someone/dev", files });
  // Never fetched.
  server.hold({ kind: "dataset", name: "someone/pieces", files: filesOf(data), large });
  vi.stubEnv("HF_ENDPOINT", server.endpoint);
  vi.stubEnv("XDG_CACHE_HOME", join(folder, "cache"));
  vi.stubEnv("HF_HOME", join(folder, "hf"));
  process.chdir(folder);
});
afterAll(async () => {
  process.chdir(home);
  vi.unstubAllEnvs();
  await server[Symbol.asyncDispose]();
});

const config = ["name: hub", "algorithm: sft", "data: { kind: omniedit, directory: hf://someone/scenes }"];
const small = [
  "sft.steps=2",
  "sft.batchSize=4",
  "sft.evaluateEvery=2",
  "sft.validationSize=4",
  "evaluation.size=0",
];
const set = ["policy.checkpoint=someone/tiny", ...small].flatMap((one) => ["--set", one]);

describe("what lies on the hub", () => {
  test("is fetched ahead by `earl get`, which says how much it is", async () => {
    const dry = await earl("get", "someone/tiny", "--dry-run");
    expect(dry.err).toMatch(/^someone\/tiny at [0-9a-f]{12}: \d files, .* to fetch: /);
    expect(dry.out).toContain("model.safetensors");
    const got = await earl("get", "someone/tiny");
    expect(got.code).toBe(0);
    expect(readdirSync(got.out.trim())).toContain("model.safetensors");
    expect((await earl("get", "hf://someone/scenes", "--include", "train-*")).err).toContain("1 files");
    // A name alone may be a dataset's.
    expect((await earl("get", "someone/scenes", "--dry-run")).err).toContain("hf://someone/scenes at");
    const none = await earl("get", "someone/none");
    expect([none.code, none.err]).toEqual([
      2,
      expect.stringContaining("The hub has no model someone/none at main"),
    ]);
  });

  test("is described by name", async () => {
    const { code, out } = await earl("model", "info", "someone/tiny");
    expect(code).toBe(0);
    expect(out).toContain("layers");
  });

  test("is looked at by name, and prepared: two sources of one repository, the commit in the record", async () => {
    const look = await earl("data", "look", "hf://someone/scenes@test", "--show", "0");
    expect([look.code, look.out]).toEqual([0, expect.stringContaining("test: 8 rows")]);
    // The size is that of the published file, whatever stands in its place here.
    // A stranger's are of the kind that its files are, in the split that it has.
    const strange = await earl("data", "look", "hf://someone/dev", "--show", "0");
    expect(strange.out).toContain("OmniEdit (kind omniedit)");
    expect(strange.out).toContain("validation: 6 rows");
    const pieces = await earl("data", "look", `hf://someone/pieces@train`, "--show", "0", "--rows", "2");
    expect(pieces.out).toMatch(/train: 1500 rows in 1 file, [\d.]+ KiB/);
    const bytes = statSync(join(folder, "data", "train-00000-of-00001.parquet")).size;
    expect(pieces.out).toContain(`, ${formatBytes(bytes)};`);
    const sources = ["someone/scenes", "someone/scenes@main"].map(
      (name, at) => `{ name: "${at}", kind: omniedit, directory: "hf://${name}" }`,
    );
    const data = `data: { kind: mixture, sources: [${sources.join(", ")}] }`;
    writeFileSync("mixed.yaml", ["name: hub", "algorithm: sft", data].join("\n"));
    const flags = ["--set", "policy.checkpoint=someone/tiny", "--split", "validation", "--out", "prepared"];
    const prepared = await earl("data", "prepare", "mixed.yaml", ...flags);
    expect(prepared).toMatchObject({ code: 0 });
    expect(readPreparedRecord(join("prepared", "1"))?.hub).toContainEqual({
      name: "hf://someone/scenes@main",
      kind: "dataset",
      commit: commits.data,
    });
  });

  test("is trained on by name; the manifest says which commits, and a resumed run stays with them", async () => {
    writeFileSync("run.yaml", config.join("\n"));
    const trained = await earl("train", "run.yaml", ...set);
    expect(trained).toMatchObject({ code: 0 });
    const { hub, datasets, drawn } = readManifest(join("runs", "hub", "manifest.json"));
    expect(drawn).toEqual({ sft: 8 });
    expect(datasets?.map(({ split, rows, files }) => [split, rows, files])).toEqual([
      ["train", 1500, 1],
      ["validation", 16, 1],
    ]);
    expect(datasets?.[0]).toMatchObject({
      declared: { directory: "hf://someone/scenes" },
      terms: [{ title: "OmniEdit", licence: "MIT" }],
    });
    expect(hub).toEqual([
      { name: "hf://someone/scenes", kind: "dataset", commit: commits.data },
      { name: "someone/tiny", kind: "model", commit: commits.model },
    ]);
    server.hold({
      kind: "dataset",
      name: "someone/scenes",
      files: new Map([["README.md", Buffer.from("moved")]]),
    });
    const resumed = await earl("train", "run.yaml", ...set, "--set", "sft.steps=3", "--resume");
    expect(resumed).toMatchObject({ code: 0 });
  });
});
