/** `earl judge score` as a person meets it, against a judge on loopback. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fails, scores } from "./judge-server/behaviour.ts";
import { file, judge, useJudgeFolder, writePairs } from "./judge-server/judge-command.ts";
import { JudgeServer, type Script } from "./judge-server/judge-server.ts";
import { earl } from "./run-earl.ts";

useJudgeFolder();

interface Row {
  readonly line: number;
  readonly id: string;
  readonly verdict: { readonly kind: string; readonly score?: number; readonly reason?: string };
}

function rowsOf(path: string): Row[] {
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Row);
}

describe("earl judge score", () => {
  test("writes a score for each pair, in order, and a table by task", async () => {
    await using server = await JudgeServer.start(({ pictures }) =>
      pictures.length === 2 ? scores(9, 4) : scores(9, 9),
    );
    const pairs = writePairs(5, { task: "recolour" });
    const { code, out, err } = await judge(server, "score", pairs, "--out", file("out.jsonl"));
    expect([code, err]).toEqual([0, expect.stringContaining("5 of 5 pairs scored") as string]);
    expect(out).toMatch(/recolour\s+5\s+0\s+6.00 ± 0.00/);
    const rows = rowsOf(file("out.jsonl"));
    expect(rows.map(({ line, id, verdict }) => [line, id, verdict.score])).toEqual(
      Array.from({ length: 5 }, (_, index) => [index + 1, `pair-${index}`, 6]),
    );
  });
  test("names the model that the server has, where it has one", async () => {
    await using server = await JudgeServer.start(() => scores(5, 5), {
      models: ["Qwen"],
      isRemembering: true,
    });
    expect((await judge(server, "score", writePairs(1))).code).toBe(0);
    expect(server.seen[0]?.body["model"]).toBe("Qwen");
    await using crowded = await JudgeServer.start(() => scores(5, 5), { models: ["one", "other"] });
    const { code, err } = await judge(crowded, "score", writePairs(1));
    expect([code, err]).toEqual([2, expect.stringContaining("has one, other") as string]);
  });
  test("a pair without a score is no zero; the same command asks about it alone", async () => {
    let isDown = true;
    const script: Script = ({ text }) =>
      isDown && text.includes("make it 2") ? fails(500, "no memory") : scores(5, 5);
    await using server = await JudgeServer.start(script);
    const pairs = writePairs(4);
    const out = file("out.jsonl");
    const first = await judge(server, "score", pairs, "--out", out);
    expect(first.code).toBe(2);
    expect(first.err).toContain(
      "1 of 4 pairs have no score. First: line 3, unreachable: SC: HTTP 500: no memory",
    );
    expect(first.out).toMatch(/all\s+4\s+1\s+5.00/);
    expect(rowsOf(out)[2]?.verdict).toMatchObject({ kind: "unreachable" });
    isDown = false;
    const before = server.count;
    const second = await judge(server, "score", pairs, "--out", out);
    expect([second.code, server.count - before]).toEqual([0, 1]);
    expect(rowsOf(out).map(({ verdict }) => verdict.score)).toEqual([5, 5, 5, 5]);
    expect((await judge(server, "score", pairs, "--out", out)).code).toBe(0);
    expect(server.count - before).toBe(1);
  });
  test("goes on behind a line that a killed process left without its end", async () => {
    await using server = await JudgeServer.start(() => scores(5, 5));
    const out = file("out.jsonl");
    const pairs = writePairs(3);
    await judge(server, "score", pairs, "--out", out);
    const text = readFileSync(out, "utf8");
    writeFileSync(out, text.slice(0, -40));
    expect((await judge(server, "score", pairs, "--out", out)).code).toBe(0);
    expect(readFileSync(out, "utf8")).toBe(text);
  });
  test("writes over no file that it did not write, nor mixes two judges", async () => {
    await using server = await JudgeServer.start(() => scores(5, 5));
    writeFileSync(file("mine.jsonl"), '{"my": "notes"}\n');
    const pairs = writePairs(1);
    const mine = await judge(server, "score", pairs, "--out", file("mine.jsonl"));
    expect([mine.code, mine.err]).toEqual([2, expect.stringContaining("was not written by earl") as string]);
    expect(readFileSync(file("mine.jsonl"), "utf8")).toBe('{"my": "notes"}\n');
    await judge(server, "score", pairs, "--out", file("out.jsonl"));
    const other = await judge(
      server,
      "score",
      pairs,
      "--out",
      file("out.jsonl"),
      "--model",
      "judge",
      "--set",
      "repeats=2",
      "--set",
      "temperature=1",
    );
    expect([other.code, other.err]).toEqual([2, expect.stringContaining("other settings") as string]);
  });
  test("a picture that cannot be read costs its own pair alone", async () => {
    await using server = await JudgeServer.start(() => scores(5, 5));
    const pairs = writePairs(2);
    writeFileSync(
      pairs,
      `${readFileSync(pairs, "utf8")}{"source": "none.png", "edited": "1.png", "instruction": "x"}\n`,
    );
    const { code, err } = await judge(server, "score", pairs, "--out", file("out.jsonl"));
    expect([code, err]).toEqual([2, expect.stringContaining("none.png") as string]);
    expect(rowsOf(file("out.jsonl")).map(({ verdict }) => verdict.kind)).toEqual([
      "scored",
      "scored",
      "unreadable",
    ]);
  });
  test.each([
    ["not JSON", "{", "pairs.jsonl:1 is not JSON"],
    ["without an instruction", '{"source": "0.png", "edited": "1.png"}', "pairs.jsonl:1: instruction"],
    ["empty", "", "holds no pairs"],
  ])("pairs that are %s are refused by their line", async (_, text, message) => {
    await using server = await JudgeServer.start(() => scores(5, 5));
    writeFileSync(file("pairs.jsonl"), text);
    const { code, err } = await judge(server, "score", file("pairs.jsonl"));
    expect([code, err]).toEqual([2, expect.stringContaining(message) as string]);
  });
  test("a setting that is wrong, or an address that is missing, is said before anything is asked", async () => {
    const pairs = writePairs(1);
    const wrong = await earl("judge", "score", pairs, "--url", "localhost:8000", "--set", "scorring=text");
    expect(wrong.err).toContain("--set endpoints.0.url: must begin with http:// or https://");
    expect(wrong.err).toContain("did you mean scoring?");
    expect((await earl("judge", "score", pairs)).err).toContain("No judge is named");
    expect(existsSync(pairs.replace(".jsonl", ".scores.jsonl"))).toBe(false);
  });
  test("a server that takes nobody's requests is asked a few times, and its failures do not stand in the way", async () => {
    await using server = await JudgeServer.start(() => fails(401, "Incorrect API key"));
    const pairs = writePairs(60);
    const out = file("out.jsonl");
    const few = ["--out", out, "--set", "endpoints.0.concurrency=1"];
    const { code, err } = await judge(server, "score", pairs, ...few);
    expect(code).toBe(2);
    expect(err).toContain("The judge refuses to be asked: HTTP 401: Incorrect API key");
    expect(err).toContain("$EARL_JUDGE_API_KEY");
    expect(server.count).toBeLessThan(20);
    server.script = () => scores(5, 5);
    // Another judge, which has no scores of the first one to be mixed with.
    expect((await judge(server, "score", pairs, ...few, "--set", "maxTokens=99")).code).toBe(0);
  });
  test("says at once that a server answers nobody, and with what, and stops after a while", async () => {
    await using server = await JudgeServer.start(({ text, index }) =>
      index < 2 || text === "" ? scores(5, 5) : fails(500, "no memory"),
    );
    const out = file("out.jsonl");
    const words = ["--url", server.url, "--out", out, "--set", "cache.isUsed=false"];
    const limits = ["--set", "totalSeconds=1", "--set", "endpoints.0.concurrency=2"];
    const { code, err } = await earl("judge", "score", writePairs(30), ...words, ...limits);
    expect(code).toBe(2);
    expect(err).toMatch(
      /The judge has answered nobody.*: \d+ requests failed, the last one with HTTP 500: no memory \(http.*It is asked again now and then, for 1.0 s at most/,
    );
    expect(err).toContain("the same command goes on");
    // Nothing that was scored is lost.
    expect(rowsOf(out).filter(({ verdict }) => verdict.kind === "scored")).toHaveLength(1);
  });
});
