import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { afterEach, describe, expect, test } from "vitest";

import { DataError } from "../../errors.ts";
import { httpSource } from "./http-source.ts";
import { ParquetFile } from "./parquet-file.ts";

const SHARD = join(
  import.meta.dirname,
  "../../../test/fixtures/datasets/aurora/data/train-00000-of-00001.parquet",
);

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

type Answer = (request: IncomingMessage, response: ServerResponse, asked: number) => void;

async function serve(answer: Answer): Promise<string> {
  let asked = 0;
  server = createServer((request, response) => {
    asked += 1;
    answer(request, response, asked);
  });
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/file.parquet`;
}

function piece(
  content: Uint8Array,
  { headers }: IncomingMessage,
  response: ServerResponse,
  tag = '"one"',
): void {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
  const [start, end] = [Number(first), Number(last) + 1];
  response.writeHead(206, { "content-range": `bytes ${start}-${end - 1}/${content.length}`, etag: tag });
  response.end(content.subarray(start, end));
}

describe("httpSource", () => {
  test("reads a parquet file by ranges, with the headers that were given", async () => {
    const content = await readFile(SHARD);
    const seen: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization);
      piece(content, request, response);
    });
    const source = await httpSource(url, { headers: { authorization: "Bearer token" } });
    expect(source.byteLength).toBe(content.length);
    const [remote, local] = [await ParquetFile.of(source), await ParquetFile.open(SHARD)];
    const columns = ["input", "output", "instruction", "source"];
    expect(await remote.read([0, 5], columns)).toEqual(await local.read([0, 5], columns));
    expect(new Set(seen)).toEqual(new Set(["Bearer token"]));
  });

  test("fetches what lies together once, and large pieces alone", async () => {
    const content = new Uint8Array(600_000).map((_, at) => at % 251);
    const ranges: string[] = [];
    const url = await serve((request, response) => {
      ranges.push(request.headers.range ?? "");
      piece(content, request, response);
    });
    const source = await httpSource(url);
    for (const at of [100, 5000, 200_000]) {
      expect(await source.read(at, at + 10)).toEqual(content.slice(at, at + 10));
    }
    expect(ranges).toEqual(["bytes=0-0", "bytes=0-262143"]);
    expect(await source.read(10, 500_000)).toEqual(content.slice(10, 500_000));
    await expect(source.read(599_999, 600_001)).rejects.toThrow("ends before");
  });

  test("asks a busy server again, and one that hangs up", async () => {
    const content = Uint8Array.of(1, 2, 3);
    const url = await serve((request, response, asked) => {
      if (asked === 1) response.writeHead(503).end();
      else if (asked === 2) request.socket.destroy();
      else if (asked === 3) {
        response.writeHead(206, { "content-range": "bytes 0-0/3", "content-length": 1 });
        response.write("");
        response.destroy();
      } else piece(content, request, response);
    });
    const source = await httpSource(url, { firstWait: 1 });
    expect(await source.read(0, 3)).toEqual(content);
  });

  test.each([
    [404, "says 404", "Check the address"],
    [401, "says 401", "HF_TOKEN"],
    [200, "does not answer to ranges", "Download the file"],
  ])("gives up at once at %s", async (status, message, hint) => {
    let requests = 0;
    const url = await serve((_, response) => {
      requests += 1;
      response.writeHead(status).end("no");
    });
    const error: unknown = await httpSource(url, { firstWait: 1 }).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(DataError);
    expect((error as DataError).message).toContain(message);
    expect((error as DataError).hint).toContain(hint);
    expect(requests).toBe(1);
  });

  test("notices a file that changes while it is read", async () => {
    const content = new Uint8Array(1000);
    const url = await serve((request, response, asked) => {
      piece(content, request, response, asked < 2 ? '"one"' : '"two"');
    });
    const source = await httpSource(url);
    await expect(source.read(0, 10)).rejects.toThrow("has changed since it was opened");
  });

  test("says after its tries that nothing answers", async () => {
    const url = await serve((_, response) => response.end());
    server!.closeAllConnections();
    await new Promise((resolve) => server!.close(resolve));
    await expect(httpSource(url, { firstWait: 1 })).rejects.toThrow(/cannot be read, after 5 tries/);
  });
});
