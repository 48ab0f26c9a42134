/** `earl data think` as a person meets it, against a model on loopback, on scenes. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { openDataset } from "../src/data/open-dataset.ts";
import { isBroken } from "../src/data/edit-dataset.ts";
import { fails, says } from "./judge-server/behaviour.ts";
import { JudgeServer, type Script } from "./judge-server/judge-server.ts";
import { earl, type EarlResult } from "./run-earl.ts";

const ROWS = 6;
let folder: string;
let tests = 0;
const at = (name: string): string => join(folder, name);
const out = (): string => at(`${tests}/thoughts.jsonl`);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "earl think "));
  await earl(
    "data",
    "scenes",
    "--out",
    at("scenes"),
    "--train",
    `${ROWS}`,
    "--validation",
    "2",
    "--test",
    "2",
  );
});
beforeEach(() => {
  tests += 1;
});
afterAll(() => rmSync(folder, { recursive: true }));

const thought = (own: object = {}): string =>
  JSON.stringify({
    describe: "Shapes on a plain ground.",
    locate: [{ what: "a shape", box: [8, 8, 24, 24] }],
    change: "The shape changes as it was asked.",
    result: "Shapes on a plain ground, one of them another.",
    ...own,
  });

async function think(server: JudgeServer, ...words: string[]): Promise<EarlResult> {
  const cache = ["--set", `cache.directory=${at(`${tests}/cache`)}`, "--set", "retries=0"];
  return earl("data", "think", at("scenes"), "--out", out(), "--url", server.url, ...cache, ...words);
}

interface Row {
  readonly id: string;
  readonly thought: Record<string, string>;
  readonly size: [number, number];
  readonly by: string;
}
const rows = (): Row[] =>
  readFileSync(out(), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);

const start = (script: Script): Promise<JudgeServer> =>
  JudgeServer.start(script, { isRemembering: true, models: ["thinker"] });

describe("earl data think", () => {
  test("writes a thought for each row, shows some, and training finds them by id", async () => {
    await using server = await start(() => says(thought()));
    const { code, out: said } = await think(server, "--show", "2");
    expect(code).toBe(0);
    expect(server.count).toBe(ROWS);
    // Both pictures, the request, and the size that boxes are counted in.
    expect(server.seen[0]!.pictures).toHaveLength(2);
    expect(server.seen[0]!.text).toContain("32 wide and 32 high");
    expect(said.match(/^ {2}describe: Shapes/gm)).toHaveLength(2);
    expect(existsSync(at(`${tests}/thoughts.png`))).toBe(true);
    expect(rows()).toHaveLength(ROWS);
    expect(rows()[0]).toMatchObject({ size: [32, 32], thought: { locate: "a shape [8, 8, 24, 24]" } });
    expect(rows()[0]!.by).toMatch(/^thinker [0-9a-f]{12}$/);

    const data = { kind: "omniedit", directory: at("scenes"), thoughtsFrom: out() } as const;
    const dataset = await openDataset(data, "train");
    const read = await dataset.read([0, ROWS - 1]);
    expect(read.map((row) => !isBroken(row) && row.thought)).toEqual(
      Array.from({ length: 2 }, () =>
        Object.entries(rows()[0]!.thought)
          .map(([name, text]) => `${name}: ${text}`)
          .join(" "),
      ),
    );
  });

  test("asks again where a part is missing or a box lies outside, and keeps nothing that is not sound", async () => {
    const wrong = [thought({ locate: [{ what: "it", box: [40, 0, 90, 30] }] }), thought({ result: "" }), "?"];
    const asked = new Map<string, number>();
    await using server = await start(({ text }) => {
      const times = asked.get(text) ?? 0;
      asked.set(text, times + 1);
      return says(times < 2 ? wrong[(asked.size + times) % 3]! : thought());
    });
    expect((await think(server)).code).toBe(0);
    expect(server.count).toBe(3 * ROWS);
    expect(new Set(rows().map(({ thought: parts }) => parts["locate"]))).toEqual(
      new Set(["a shape [8, 8, 24, 24]"]),
    );
  });

  test("names rows without a thought, ends in an error, and asks for these alone the next time", async () => {
    let isStubborn = true;
    let first = "";
    await using server = await start(({ text }) => {
      first ||= text;
      return says(isStubborn && text === first ? "no" : thought());
    });
    const failed = await think(server, "--set", "reasks=1");
    expect(failed.code).toBe(2);
    expect(failed.err).toMatch(/1 of 6 rows have no thought:\s+scene_\w+: unparsable: no JSON in "no"/);
    expect(rows()).toHaveLength(ROWS - 1);
    isStubborn = false;
    const before = server.count;
    const { code, err } = await think(server);
    expect([code, server.count - before]).toEqual([0, 1]);
    expect(err).toContain(`1 written, ${ROWS - 1} were there`);
    expect(new Set(rows().map(({ id }) => id)).size).toBe(ROWS);
  });

  test("takes --size, and does not mix thoughts of two models or questions", async () => {
    await using server = await start(() => says(thought()));
    expect((await think(server, "--size", "2")).code).toBe(0);
    expect(rows()).toHaveLength(2);
    const { code, err } = await think(server, "--set", "boxes=thousandths");
    expect(code).toBe(2);
    expect(err).toContain("another model or question (thinker ");
    expect(server.count).toBe(2);
  });

  test("gives up where nobody answers, and says what to do", async () => {
    await using server = await start(() => fails(401));
    const many = at("many");
    await earl("data", "scenes", "--out", many, "--train", "40", "--validation", "1", "--test", "1");
    const cache = ["--set", "cache.isUsed=false", "--set", "retries=0", "--set", "endpoints.0.concurrency=2"];
    const { code, err } = await earl(
      "data",
      "think",
      many,
      "--out",
      out(),
      "--url",
      server.url,
      "--model",
      "m",
      ...cache,
    );
    expect(code).toBe(2);
    expect(err).toContain("cannot be reached");
    expect(err).toContain("the same command");
    expect(server.count).toBeLessThan(40);
  });

  test("wants a file to write, and an address to ask", async () => {
    const noFile = await earl("data", "think", at("scenes"), "--url", "http://127.0.0.1:9/v1");
    expect(noFile.err).toContain("--out FILE is missing");
    const noUrl = await earl("data", "think", at("scenes"), "--out", out());
    expect(noUrl.code).toBe(2);
    expect(noUrl.err).toContain("--url http");
  });
});
