import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { LoopbackHub } from "../../test/hub-server/loopback-hub.ts";
import { datasetFingerprint } from "../data/fingerprint.ts";
import { isBroken } from "../data/edit-dataset.ts";
import { openOmniEdit } from "../data/omniedit-dataset.ts";
import { writeScenes } from "../data/scenes/write-scenes.ts";
import { parseRunConfig } from "../experiment/run-config.ts";
import { datasetFolder } from "./dataset-folder.ts";
import { parseHubAddress } from "./hub-address.ts";
import { Hub } from "./hub.ts";

const TRAIN = "data/train-00000-of-00001.parquet";
let scenes: string;
let train: Buffer;
beforeAll(async () => {
  scenes = join(mkdtempSync(join(tmpdir(), "earl-hub-data-")), "scenes");
  // Larger than what is fetched at once.
  await writeScenes({ directory: scenes, seed: 1, counts: { train: 2000, validation: 8, test: 8 } });
  train = readFileSync(join(scenes, "train-00000-of-00001.parquet"));
});

let server: LoopbackHub;
let cache: string;
beforeEach(async () => {
  server = await LoopbackHub.open();
  cache = mkdtempSync(join(tmpdir(), "earl-hub-"));
  vi.stubEnv("XDG_CACHE_HOME", cache);
  vi.stubEnv("HF_ENDPOINT", server.endpoint);
  vi.stubEnv("HF_TOKEN", "hf_right");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server[Symbol.asyncDispose]();
});
afterAll(() => vi.unstubAllEnvs());

const hold = (): string =>
  server.hold({
    kind: "dataset",
    name: "someone/edits",
    files: new Map([
      ["README.md", Buffer.from("# Edits\n")],
      [TRAIN, train],
    ]),
    large: new Set([TRAIN]),
    token: "hf_right",
  });

describe("a dataset of the hub", () => {
  test("is read in pieces: a row costs its pages, not the file", async () => {
    const commit = hold();
    const { directory, commit: pinned, remote } = await datasetFolder("hf://someone/edits");
    expect([pinned, remote]).toEqual([commit, 1]);
    expect(readFileSync(join(directory, "README.md"), "utf8")).toBe("# Edits\n");
    const dataset = await openOmniEdit(directory, "train");
    expect(dataset.count).toBe(2000);
    const local = await openOmniEdit(scenes, "train");
    const [there] = await dataset.read([1234]);
    const [here] = await local.read([1234]);
    if (there === undefined || here === undefined || isBroken(there) || isBroken(here))
      throw new Error("broken");
    expect(there.id).toBe(here.id);
    expect(Buffer.from(there.source!).equals(here.source!)).toBe(true);
    expect(server.requests.every((one) => !one.endsWith(TRAIN))).toBe(true);
  });

  test("is taken from the cache once it was fetched, and then needs no network", async () => {
    hold();
    const hub = new Hub();
    const pinned = await hub.pin(parseHubAddress("hf://someone/edits", "dataset"));
    await hub.fetch(pinned, await hub.list(pinned));
    const { directory, remote } = await datasetFolder("hf://someone/edits");
    expect(remote).toBe(0);
    expect(readFileSync(join(directory, TRAIN)).equals(train)).toBe(true);
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9");
    expect((await datasetFolder("hf://someone/edits")).directory).toBe(directory);
    await expect(datasetFolder("hf://someone/other")).rejects.toThrow("HF_HUB_OFFLINE is set");
  });

  test("has one fingerprint, read in pieces and fetched: that of its content", async () => {
    hold();
    const fingerprint = async (): Promise<unknown[]> => {
      const { directory } = await datasetFolder("hf://someone/edits");
      const found = await datasetFingerprint([await openOmniEdit(directory, "train")]);
      return found.map(({ modified: _modified, ...file }) => file);
    };
    const inPieces = await fingerprint();
    const sha256 = createHash("sha256").update(train).digest("hex");
    expect(inPieces).toMatchObject([{ file: TRAIN, bytes: train.length, sha256 }]);
    const hub = new Hub();
    const pinned = await hub.pin(parseHubAddress("hf://someone/edits", "dataset"));
    await hub.fetch(pinned, await hub.list(pinned));
    expect(await fingerprint()).toEqual(inPieces);
  });

  test("is named by a folder in it, and by a revision", async () => {
    const commit = hold();
    const { directory } = await datasetFolder(`hf://datasets/someone/edits@${commit}/data`);
    expect(existsSync(join(directory, "train-00000-of-00001.parquet"))).toBe(true);
    await expect(datasetFolder("hf://someone/edits/nothing")).rejects.toThrow("holds no file");
    for (const wrong of ["hf://someone", "hf://someone/edits/../other", "hf://a b/c", "hf://"]) {
      expect(() => parseHubAddress(wrong, "dataset")).toThrow("no address on the Hugging Face hub");
    }
  });

  test("may stand in a config alone: its kind is that of the dataset whose home it is", () => {
    const data = (address: string): unknown =>
      parseRunConfig(`name: a\nalgorithm: sft\ndata: ${address}\n`, "a.yaml").data;
    expect(data("hf://TIGER-Lab/OmniEdit-Filtered-1.2M")).toMatchObject({
      kind: "omniedit",
      directory: "hf://TIGER-Lab/OmniEdit-Filtered-1.2M",
    });
    expect(data("hf://osunlp/MagicBrush@main")).toMatchObject({ kind: "magicbrush" });
  });
});
