import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { isBroken } from "../data/edit-dataset.ts";
import { openDataset, type DatasetSettings } from "../data/open-dataset.ts";
import { HubNames } from "../experiment/hub-names.ts";

const SHARD = join(
  import.meta.dirname,
  "../../test/fixtures/datasets/aurora/data/train-00000-of-00001.parquet",
);
const content = readFileSync(SHARD);

let server: Server;
let cache = "";
beforeEach(async () => {
  cache = mkdtempSync(join(tmpdir(), "earl-address-"));
  vi.stubEnv("XDG_CACHE_HOME", cache);
  server = createServer((request, response) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    const [start, end] = [Number(first), Number(last) + 1];
    response.writeHead(206, { "content-range": `bytes ${start}-${end - 1}/${content.length}` });
    response.end(content.subarray(start, end));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
  rmSync(cache, { recursive: true });
});

describe("a dataset at an address", () => {
  test.each(["train-00000-of-00001.parquet", "edits.parquet?download=1"])(
    "is read in pieces: %s",
    async (name) => {
      const { port } = server.address() as AddressInfo;
      const settings = { kind: "aurora", directory: `http://127.0.0.1:${port}/data/${name}` };
      const resolved = await new HubNames().dataset(settings);
      const dataset = await openDataset(resolved as unknown as DatasetSettings, "train");
      expect(dataset.count).toBe(6);
      const [row] = await dataset.read([5]);
      expect(row !== undefined && !isBroken(row) && row.instruction).toBe("dog recolor behind a add a red");
    },
  );
});
