/** `earl judge check`, `noise`, `agreement` and `cache` as a person meets them. */

import { existsSync, writeFileSync } from "node:fs";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { completion, fails, says, scores } from "./judge-server/behaviour.ts";
import { file, judge, useJudgeFolder, writePairs } from "./judge-server/judge-command.ts";
import { JudgeServer, type Script } from "./judge-server/judge-server.ts";
import { earl } from "./run-earl.ts";

useJudgeFolder();

/** Answers what `check` asks as a judge would that has eyes: colours by name, verdicts by how far the pictures differ. */
const seeing: Script = async ({ text, pictures, body }) => {
  const [first, second] = await Promise.all(pictures.map(async (one) => sharp(one).stats()));
  if (text.startsWith("Say")) {
    const tokens = [
      {
        token: "yes",
        logprob: -0.1,
        top_logprobs: [
          { token: "yes", logprob: -0.1 },
          { token: "no", logprob: -3 },
        ],
      },
    ];
    return completion({ content: "yes", logprobs: body["logprobs"] === true ? { content: tokens } : null });
  }
  if (text.startsWith("Which colour")) {
    const means = first!.channels.slice(0, 3).map(({ mean }) => mean);
    return says(["red", "green", "blue"][means.indexOf(Math.max(...means))]!);
  }
  if (second === undefined) return scores(8, 8);
  const apart = first!.channels.reduce(
    (sum, { mean }, index) => sum + Math.abs(mean - second.channels[index]!.mean),
    0,
  );
  return apart > 0.1 ? scores(9, 9) : scores(0, 10);
};

describe("earl judge check", () => {
  test("finds a judge that sees fit", async () => {
    await using server = await JudgeServer.start(seeing);
    const { code, out } = await judge(server, "check");
    expect(out.match(/✓/g)).toHaveLength(5);
    expect(out).toContain("6 of 6 edits above no edit at all");
    expect(code).toBe(0);
  });
  test.each<[string, Script, string, string]>([
    ["is down", () => fails(500, "no memory"), "is there", "HTTP 500: no memory"],
    [
      "is blind",
      ({ text }) => (text.startsWith("Say") ? says("yes") : says("red")),
      "sees pictures",
      'green is "red"',
    ],
    [
      "chatters",
      async (request) =>
        (await seeing(request)).does === "replies" && /^(Say|Which)/.test(request.text)
          ? seeing(request)
          : says("Nice!"),
      "keeps to the format",
      "0 of 12 verdicts",
    ],
    [
      "likes everything",
      async (request) => (/^(Say|Which)/.test(request.text) ? seeing(request) : scores(7, 7)),
      "tells good from bad",
      "0 of 6 edits above no edit",
    ],
  ])("a server that %s is no judge, and the trial that shows it says so", async (_, script, trial, found) => {
    await using server = await JudgeServer.start(script);
    const { code, out, err } = await judge(server, "check");
    const line = out.split("\n").find((one) => one.includes(trial));
    expect(line).toContain("✗");
    expect(line).toContain(found);
    expect(code).toBe(2);
    expect(err).toContain("is no judge as it is");
  });
  test("an unknown model is named with those that there are", async () => {
    await using server = await JudgeServer.start(seeing, { models: ["one", "other"] });
    const { out, err } = await judge(server, "check", "--model", "third");
    expect(out).toContain('does not know "third"');
    expect(err).toContain("Name one of its models: one, other.");
  });
});

describe("earl judge check, of servers as they are", () => {
  test("one that lists no models is asked all the same", async () => {
    await using server = await JudgeServer.start(seeing, { models: [] });
    const { out } = await judge(server, "check", "--model", "judge");
    expect(out).toMatch(/✓ is there +judge answers/);
    expect(out).toMatch(/✓ sees pictures/);
  });
  test.each<[string, (text: string, pictures: number) => boolean, RegExp]>([
    ["before it was seen to see", (text) => text.startsWith("Which"), /✗ sees pictures +no connection/],
    ["before it told probabilities", (text) => text.startsWith("Say yes or no"), /✗ tells probabilities +no/],
    ["while it was judging", (_, pictures) => pictures === 2, /✗ keeps to the format +0 of 12/],
  ])("one that goes away %s is to be started again, not to be replaced", async (_, isGone, line) => {
    await using server = await JudgeServer.start((request) =>
      isGone(request.text, request.pictures.length) ? { does: "resets" } : seeing(request),
    );
    // All at once, so that no open circuit is waited for.
    const { code, out, err } = await judge(server, "check", "--set", "endpoints.0.concurrency=100");
    expect(out).toMatch(line);
    expect(err).toContain("Start the server");
    expect(err).not.toMatch(/larger model|vision-language model/);
    expect(code).toBe(2);
  });
  test("one that wants another key says where the key is looked up", async () => {
    await using server = await JudgeServer.start(() => fails(401, "Incorrect API key"));
    const { out, err } = await judge(server, "check");
    expect(out).toMatch(/✗ is there +HTTP 401: Incorrect API key/);
    expect(err).toContain("$EARL_JUDGE_API_KEY");
  });
  test("one that is not there, asked for its only model", async () => {
    const server = await JudgeServer.start(seeing);
    await server[Symbol.asyncDispose]();
    const { code, err } = await judge(server, "check");
    expect(err).toMatch(/does not list its models: no connection: .*ECONNREFUSED/);
    expect(err).toContain("Start the server");
    expect(code).toBe(2);
  });
  test("one whose replies never end is there, and no judge", async () => {
    await using server = await JudgeServer.start(() => completion({ content: "noise", finish: "length" }));
    const { code, out, err } = await judge(server, "check");
    expect(code).toBe(2);
    expect(out).toMatch(/✓ is there/);
    expect(out).toMatch(/✗ sees pictures +the reply filled maxTokens/);
    expect(err).toContain("maxTokens");
  });
});

describe("earl judge noise", () => {
  test("says how far answers differ and what a group is worth", async () => {
    const script: Script = ({ body, pictures }) =>
      pictures.length === 1 ? scores(9, 9) : scores(Number(body["seed"]) % 2000 === 0 ? 4 : 9, 9);
    await using server = await JudgeServer.start(script);
    const { code, out } = await judge(
      server,
      "noise",
      writePairs(4),
      "--repeats",
      "2",
      "--set",
      "temperature=0.7",
    );
    expect(code).toBe(0);
    // √(4 · 9) and 9 about each pair: 3 apart, and no pair unlike another.
    expect(out).toContain(
      "8 answers about 4 pairs: they differ by 2.12 about one pair and by 0.00 between pairs",
    );
    expect(out).toMatch(/^1 +3\.84 +0\.00/m);
  });
  test("is not measured where there can be none", async () => {
    await using server = await JudgeServer.start(() => scores(5, 5));
    const { code, err } = await judge(server, "noise", writePairs(2));
    expect([code, err]).toEqual([2, expect.stringContaining("temperature=0.7") as string]);
  });
});

describe("earl judge agreement", () => {
  const golden = new URL("fixtures/viescore_golden_gpt4o_tie.json", import.meta.url).pathname;
  test("prints the published averages and what the authors printed", async () => {
    const { code, out } = await earl("judge", "agreement", golden);
    expect(code).toBe(0);
    expect(out).toMatch(/mean of 8 models +0\.4311 +0\.5313 +0\.4025/);
    expect(out).toMatch(/tanh of that, as VIEScore prints it +0\.4062 +0\.4863 +0\.3821/);
  });
  test("prints JSON", async () => {
    const { out } = await earl("judge", "agreement", golden, "--json");
    expect(JSON.parse(out)).toMatchObject({ published: { O: expect.closeTo(0.4024653, 6) as number } });
  });
  test("says what such a file holds where one holds something else", async () => {
    writeFileSync(file("scores.json"), '{"models": {"a": [{"sc": []}]}}');
    const { code, err } = await earl("judge", "agreement", file("scores.json"));
    expect([code, err]).toEqual([2, expect.stringContaining('"human"') as string]);
  });
});

describe("earl judge cache", () => {
  test("counts what is kept and forgets it", async () => {
    await using server = await JudgeServer.start(() => scores(5, 5));
    await judge(server, "score", writePairs(3));
    const { out } = await earl("judge", "cache", "stats", "--cache", file("cache"));
    // Three edits, three pictures.
    expect(out).toContain("6 answers");
    expect((await earl("judge", "cache", "clear", "--cache", file("cache"))).out).toContain(
      "6 answers forgotten",
    );
    expect((await earl("judge", "cache", "stats", "--cache", file("cache"))).out).toContain("0 answers");
  });
  test("makes nothing where nothing is", async () => {
    expect((await earl("judge", "cache", "stats", "--cache", file("none"))).out).toContain("0 answers");
    expect((await earl("judge", "cache", "clear", "--cache", file("none"))).code).toBe(0);
    expect(existsSync(file("none"))).toBe(false);
  });
});
