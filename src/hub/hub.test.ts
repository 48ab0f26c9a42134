import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { LoopbackHub, type HeldRepository } from "../../test/hub-server/loopback-hub.ts";
import type { HubEnvironment } from "../config/env.ts";
import { Hub } from "./hub.ts";
import { modelFolder } from "./model-folder.ts";
import { parseHubAddress } from "./hub-address.ts";

const weights = Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 251));
const MODEL: HeldRepository = {
  kind: "model",
  name: "someone/tiny",
  files: new Map([
    ["config.json", Buffer.from('{"hidden_size":8}')],
    ["model.safetensors", weights],
    ["pytorch_model.bin", Buffer.alloc(1000)],
    ["nested/empty.txt", Buffer.alloc(0)],
  ]),
  large: new Set(["model.safetensors", "pytorch_model.bin"]),
};
const ADDRESS = parseHubAddress("someone/tiny", "model");

let server: LoopbackHub;
let cache: string;
beforeEach(async () => {
  server = await LoopbackHub.open();
  cache = mkdtempSync(join(tmpdir(), "earl-hub-"));
});
afterEach(() => server[Symbol.asyncDispose]());

const hub = (more: Partial<HubEnvironment> = {}): Hub =>
  new Hub({ endpoint: server.endpoint, token: undefined, cache, isOffline: false, ...more }, 1);

const ranges = (path: string): string[] => server.requests.filter((one) => one.includes(path));

describe("fetching a model", () => {
  test("leaves it as Hugging Face's own libraries do, without what is not read", async () => {
    const commit = server.hold(MODEL);
    const seen: string[] = [];
    const onProgress = (done: number, total: number, what: string): void =>
      void seen.push(`${done}/${total} ${what}`);
    const folder = await modelFolder("someone/tiny", { onProgress }, hub());
    const root = join(cache, "models--someone--tiny");
    expect(folder).toBe(join(root, "snapshots", commit));
    expect(readFileSync(join(root, "refs", "main"), "utf8")).toBe(commit);
    expect(readdirSync(folder).toSorted()).toEqual(["config.json", "model.safetensors", "nested"]);
    expect(readFileSync(join(folder, "model.safetensors")).equals(weights)).toBe(true);
    expect(readlinkSync(join(folder, "config.json"))).toMatch(/^\.\.[\\/]\.\.[\\/]blobs[\\/][0-9a-f]{40}$/);
    expect(seen.at(-1)).toMatch(/^300017\/300017 /);
    const before = server.requests.length;
    await modelFolder("someone/tiny", {}, hub());
    expect(server.requests.slice(before).filter((one) => one.includes("/resolve/"))).toEqual([]);
  });

  test("goes on where a connection broke, also in a later call", async () => {
    server.hold(MODEL);
    server.cuts.push(0, 100_000, 50_000);
    const folder = await modelFolder("someone/tiny", {}, hub());
    expect(readFileSync(join(folder, "model.safetensors")).equals(weights)).toBe(true);
    expect(ranges("model.safetensors").at(-1)).toContain("bytes=150000-");
  });

  test("asks a busy server again, and gives up with the server's word", async () => {
    server.hold(MODEL);
    server.refusals.push(503, 429, 500);
    expect(existsSync(join(await modelFolder("someone/tiny", {}, hub()), "config.json"))).toBe(true);
    server.hold({ ...MODEL, name: "someone/other" });
    server.refusals.push(...Array.from({ length: 15 }, () => 503));
    await expect(modelFolder("someone/other", {}, hub())).rejects.toThrow("the hub says 503");
  });

  test("asks again who a busy hub is, and what it has", async () => {
    server.hold(MODEL);
    server.apiRefusals.push(429, 500, 502);
    expect(existsSync(join(await modelFolder("someone/tiny", {}, hub()), "config.json"))).toBe(true);
    server.apiRefusals.push(503, 503, 503, 503, 503);
    await expect(modelFolder("someone/tiny", {}, hub())).rejects.toThrow("the hub says 503");
  });

  test("begins again where a server knows no ranges", async () => {
    server.hold(MODEL);
    server.ignoresRanges = true;
    server.cuts.push(100_000);
    const folder = await modelFolder("someone/tiny", {}, hub());
    expect(readFileSync(join(folder, "model.safetensors")).equals(weights)).toBe(true);
  });

  test("fetches a file once, whoever else asks for it at the same time", async () => {
    server.hold(MODEL);
    const folders = await Promise.all([1, 2, 3].map(() => modelFolder("someone/tiny", {}, hub())));
    expect(readFileSync(join(folders[2]!, "model.safetensors")).equals(weights)).toBe(true);
    expect(ranges("/resolve/")).toHaveLength(2);
    const blobs = readdirSync(join(cache, "models--someone--tiny", "blobs"));
    expect(blobs.filter((name) => name.includes("."))).toEqual([]);
  });

  test.skipIf(!existsSync("/dev/full"))(
    "says that the disk is full, not that the network failed",
    async () => {
      server.hold(MODEL);
      const blobs = join(cache, "models--someone--tiny", "blobs");
      mkdirSync(blobs, { recursive: true });
      const sha256 = createHash("sha256").update(weights).digest("hex");
      symlinkSync("/dev/full", join(blobs, `${sha256}.incomplete`));
      await expect(modelFolder("someone/tiny", {}, hub())).rejects.toThrow(
        /Cannot write .*: the disk is full/,
      );
    },
  );

  test("refuses content that is not what was promised, and keeps none of it", async () => {
    server.hold(MODEL);
    server.swapped.set("model.safetensors", Buffer.from(weights).fill(7, 1000, 1001));
    await expect(modelFolder("someone/tiny", {}, hub())).rejects.toThrow(
      "model.safetensors is not what the hub promised",
    );
    server.swapped.clear();
    const again = await modelFolder("someone/tiny", {}, hub());
    expect(readFileSync(join(again, "model.safetensors")).equals(weights)).toBe(true);
  });

  test("takes what another library fetched, and does without a network", async () => {
    server.hold(MODEL);
    await modelFolder("someone/tiny", {}, hub());
    const offline = hub({ isOffline: true, endpoint: "http://127.0.0.1:9" });
    expect(readdirSync(await modelFolder("someone/tiny", {}, offline))).toContain("config.json");
    await expect(modelFolder("someone/new", {}, offline)).rejects.toThrow("HF_HUB_OFFLINE is set");
  });

  test("pins a revision: a branch that moves on is another snapshot, a commit stays", async () => {
    const first = server.hold(MODEL);
    await modelFolder("someone/tiny", {}, hub());
    const second = server.hold({ ...MODEL, files: new Map([["config.json", Buffer.from("{}")]]) });
    expect(await modelFolder("someone/tiny", {}, hub())).toContain(second);
    const pinned = await hub().pin({ ...ADDRESS, revision: first });
    expect(pinned.commit).toBe(first);
    expect(readFileSync(join(pinned.snapshot, "model.safetensors")).equals(weights)).toBe(true);
  });

  test("explains what is gated or not there, and tells nobody the token", async () => {
    server.hold({ ...MODEL, token: "hf_right" });
    const fault = async (one: Hub): Promise<string> =>
      modelFolder("someone/tiny", {}, one).then(
        () => "",
        (error: Error & { hint?: string }) => `${error.message} ${error.hint}`,
      );
    expect(await fault(hub())).toMatch(
      /gated, private or not there: the hub says 401\. Ask for access at .*HF_TOKEN/,
    );
    const wrong = await fault(hub({ token: "hf_wrong" }));
    expect(wrong).toContain("the account of your token");
    expect(wrong).not.toContain("hf_wrong");
    expect(await fault(hub({ token: "hf_right" }))).toBe("");
    await expect(modelFolder("someone/none", {}, hub())).rejects.toThrow(
      "The hub has no model someone/none at main",
    );
    await expect(modelFolder("runs/dmeo", {}, hub())).rejects.toMatchObject({
      hint: expect.stringContaining("There is no folder runs/dmeo here.") as string,
    });
    await expect(modelFolder("someone/tiny", {}, hub({ endpoint: "http://127.0.0.1:9" }))).rejects.toThrow(
      "cannot be fetched from http://127.0.0.1:9",
    );
  });

  test("a name that climbs out of its folder is refused", async () => {
    server.hold({ ...MODEL, files: new Map([["../../escape.json", Buffer.from("{}")]]) });
    await expect(modelFolder("someone/tiny", {}, hub())).rejects.toThrow("outside its folder");
  });

  test("a folder of that name wins", async () => {
    const folder = mkdtempSync(join(tmpdir(), "earl-hub-"));
    writeFileSync(join(folder, "config.json"), "{}");
    expect(await modelFolder(folder, {}, hub())).toBe(folder);
    expect(server.requests).toEqual([]);
  });
});
