import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fails, json, type Behaviour } from "../../test/judge-server/behaviour.ts";
import { greyEdit } from "../../test/judge-server/grey-edit.ts";
import { JudgeServer } from "../../test/judge-server/judge-server.ts";
import { quickTimers } from "../../test/judge-server/quick-timers.ts";
import { openRewards, RewardList } from "./open-reward.ts";
import type { Reward } from "./reward.ts";

const timers = quickTimers(100);
const forever = new AbortController().signal;

describe("json-score", () => {
  const asJson = (server: JudgeServer, own: Record<string, unknown> = {}): Promise<Reward> =>
    openRewards(
      RewardList.parse([
        { kind: "json-score", endpoints: [{ url: `${server.origin}/score` }], retries: 0, reasks: 0, ...own },
      ]),
      { timers },
    );
  const scored = (): Behaviour =>
    json({ score: 7.5, parts: { colour: 8, "not a name": 1 }, reasoning: "bright" });

  test("posts the instruction and both pictures, and takes score and parts", async () => {
    await using server = await JudgeServer.start(scored, { isRemembering: true });
    await using reward = await asJson(server);
    expect(await reward.score([greyEdit(100)], { signal: forever })).toEqual([
      { kind: "scored", score: 7.5, subscores: { colour: 8 }, reasoning: "bright" },
    ]);
    const [{ path, body }] = server.seen as [(typeof server.seen)[0]];
    expect(path).toBe("/score");
    expect(body).toEqual({
      instruction: "Brighten it",
      source: expect.stringMatching(/^data:image\/png;base64,/) as string,
      edited: expect.stringMatching(/^data:image\/png;base64,/) as string,
    });
  });
  test.each<[string, Behaviour, string]>([
    ["a score beyond its range", json({ score: 11 }), "unparsable"],
    ["no score", json({ result: 7 }), "unparsable"],
    ["a score in words", json({ score: "seven" }), "unparsable"],
    ["a score that is null", json({ score: null }), "unparsable"],
    ["a pickle", { does: "replies", status: 200, headers: {}, body: "\u0080\u0004K\u0007." }, "unparsable"],
    ["a fault", fails(500, "no memory"), "unreachable"],
    ["a refusal", fails(422, "no such field"), "unreachable"],
  ])("%s is no zero", async (_, behaviour, kind) => {
    await using server = await JudgeServer.start(() => behaviour);
    await using reward = await asJson(server);
    const [verdict] = await reward.score([greyEdit(100)], { signal: forever });
    expect(verdict?.kind).toBe(kind);
  });
  test("answers are kept where the model has a name", async () => {
    const cache = { directory: mkdtempSync(join(tmpdir(), "earl-json-score-")) };
    for (const [own, count] of [
      [{}, 2],
      [{ version: "v1" }, 1],
    ] as const) {
      await using server = await JudgeServer.start(scored);
      await using reward = await asJson(server, { cache, ...own });
      await reward.score([greyEdit(100)], { signal: forever });
      await reward.score([greyEdit(100)], { signal: forever });
      expect(server.count).toBe(count);
    }
    rmSync(cache.directory, { recursive: true });
  });
});
