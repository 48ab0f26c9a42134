/** What a judge's client is for: many calls, all kinds of faults, and every score the one that the judge gave. */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { AnswerMemory, type ModelAnswer } from "../src/judge/answer-memory.ts";
import { ChatModel } from "../src/judge/chat-model.ts";
import type { JudgeCall } from "../src/judge/judge-call.ts";
import { JudgeModel } from "../src/judge/judge-model.ts";
import { ModelSettings, ServerSettings } from "../src/judge/judge-settings.ts";
import { scoreReader, type TwoScores } from "../src/judge/score-readers.ts";
import type { JudgeVerdict } from "../src/judge/verdict.ts";
import { Rng } from "../src/random.ts";
import {
  completion,
  fails,
  json,
  says,
  scores,
  text,
  throttles,
  type Behaviour,
} from "./judge-server/behaviour.ts";
import { JudgeServer, type Script } from "./judge-server/judge-server.ts";
import { quickTimers } from "./judge-server/quick-timers.ts";

const CALLS = 20_000;
const WAVES = 4;
const SLOTS = 48;
/** Waits take a thousandth of their time; a call has two seconds on the wall. */
const SPEED = 1000;

/** The judge's opinion of a call: no two in a row alike, and some of them zeros. */
function opinionOf(call: number): readonly [number, number] {
  return [call % 11, (call * 7) % 11];
}

/** Faults, each with its share of the requests. */
const FAULTS: readonly (readonly [share: number, fault: Behaviour])[] = [
  [0.03, throttles()],
  [0.02, throttles("1")],
  [0.03, fails(500)],
  [0.01, fails(503, "overloaded")],
  [0.02, { does: "resets" }],
  [0.02, { does: "breaks off", body: JSON.stringify({ choices: [{ message: { content: "[10, 10]" } }] }) }],
  [0.002, { does: "hangs" }],
  [0.002, { does: "stalls", beginning: '{"choices": [{"message": {"content": "[10, 10]"' }],
  [0.02, text('{"choices": [{"message": {"content": "[10, 10', 200, "application/json")],
  [0.02, text("<html>[10, 10]</html>")],
  [0.02, json({ verdict: [10, 10] })],
  [0.001, text(`{"x": "${"9".repeat(5 * 2 ** 20)}"}`)],
  [0.02, completion({ content: '{"score": [10, 10', finish: "length" })],
  [0.02, completion({ content: null, message: { refusal: "no" } })],
  [0.02, says("I cannot judge this.")],
  [0.01, says('{"score": 7}')],
  [0.02, { does: "waits", milliseconds: 20, next: says("I am late and of no use.") }],
];

function faultAt(chance: number): Behaviour | undefined {
  let sum = 0;
  return FAULTS.find(([share]) => (sum += share) > chance)?.[1];
}

/** Answers with the opinion on the call that is named in the text, unless a fault comes first. */
function faultyJudge(seed: number): Script {
  const rng = Rng.from(seed, "faults");
  return ({ text: asked }) =>
    faultAt(rng.uniform()) ?? scores(...opinionOf(Number(/call (\d+)/.exec(asked)?.[1])));
}

/** Bytes that are still in use after a collection. */
function bytesInUse(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

describe("a judge under every fault at once", () => {
  test(`${CALLS} calls: each ends, no score is another than the judge's, and nothing piles up`, async () => {
    await using steady = await JudgeServer.start(faultyJudge(1));
    let mortal = await JudgeServer.start(faultyJudge(2));
    const { port } = mortal;
    const timers = quickTimers(SPEED);
    const settings = {
      ...ModelSettings.parse({ model: "judge" }),
      ...ServerSettings.parse({
        endpoints: [steady, mortal].map(({ url }) => ({ url, concurrency: SLOTS })),
        callSeconds: 2 * SPEED,
        totalSeconds: 60 * SPEED,
      }),
    };
    const calls: JudgeCall[] = [];
    const memory = new AnswerMemory({ store: undefined, timers, onCall: (call) => calls.push(call) });
    await using model = new JudgeModel(
      new ChatModel(settings, { timers, rng: Rng.from(3) }),
      settings,
      memory,
    );
    const { reader } = scoreReader("text");
    const { signal } = new AbortController();
    const ask = (call: number): Promise<ModelAnswer<TwoScores>> =>
      model.ask("sc", { text: `call ${call}`, pictures: [], repeat: 0 }, reader, signal);

    const bytes: number[] = [];
    const counts = { answered: 0, unparsable: 0, unreachable: 0 };
    for (let wave = 0; wave < WAVES; wave += 1) {
      const first = (wave * CALLS) / WAVES;
      const asked = Array.from({ length: CALLS / WAVES }, (_, index) => ask(first + index));
      // One server goes away in the middle of a wave, and is back in the next one.
      if (wave === 1) mortal.script = dyingAfter(mortal.count + CALLS / WAVES / 4, faultyJudge(4));
      const answers = await Promise.all(asked);
      if (wave === 1) mortal = await JudgeServer.start(faultyJudge(5), { port });
      for (const [index, answer] of answers.entries()) {
        counts[answer.kind] += 1;
        const given = answer.kind === "answered" ? answer.answer.scores : undefined;
        expect([undefined, opinionOf(first + index)]).toContainEqual(given);
      }
      bytes.push(bytesInUse());
    }
    await mortal[Symbol.asyncDispose]();

    expect(counts.answered + counts.unparsable + counts.unreachable).toBe(CALLS);
    // Three replies in a row that cannot be read are rare, five faults in a row rarer.
    expect(counts.answered).toBeGreaterThan(0.98 * CALLS);
    expect(calls).toHaveLength(CALLS);
    for (const { kind, attempts } of calls) {
      expect(attempts.at(-1)?.status === "answered").toBe(kind === "answered");
    }
    const statuses = new Set(calls.flatMap(({ attempts }) => attempts.map(({ status }) => status)));
    expect([...statuses].toSorted()).toEqual([
      "answered",
      "connection",
      "malformed",
      "refused",
      "server-error",
      "throttled",
      "timeout",
      "too-large",
      "truncated",
      "unparsable",
    ]);
    expect(steady.mostInFlight).toBeLessThanOrEqual(SLOTS);
    // A socket that is being closed may still be there when the next one opens.
    expect(steady.mostSockets).toBeLessThanOrEqual(2 * SLOTS);
    // The calls' records, which this test keeps, are a few kilobytes for each hundred.
    expect(bytes.at(-1)! - bytes[0]!).toBeLessThan(40_000_000);
  });
});

function dyingAfter(count: number, script: Script): Script {
  return (request) => (request.index >= count ? { does: "dies" } : script(request));
}

describe("a scoring that is killed", () => {
  test("asks again only what was not answered, and comes to the same verdicts", async () => {
    const cache = mkdtempSync(join(tmpdir(), "earl-killed-"));
    const edits = 60;
    await using server = await JudgeServer.start(({ pictures }) => ({
      does: "waits",
      milliseconds: 10,
      next: scores(5, pictures.length),
    }));
    const script = fileURLToPath(new URL("judge-server/scoring-run.ts", import.meta.url));
    const start = () =>
      spawn(
        process.execPath,
        ["--import", import.meta.resolve("tsx"), script, server.url, cache, String(edits)],
        {
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
    const killed = start();
    while (server.count < edits) await new Promise((resolve) => setTimeout(resolve, 5));
    killed.kill("SIGKILL");
    await new Promise((resolve) => killed.on("exit", resolve));
    const before = server.count;
    expect(before).toBeLessThan(2 * edits);

    const again = start();
    let printed = "";
    again.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    expect(await new Promise((resolve) => again.on("exit", resolve))).toBe(0);
    const verdicts = JSON.parse(printed) as JudgeVerdict[];
    expect(verdicts.map((verdict) => verdict.kind === "scored" && verdict.score)).toEqual(
      Array.from({ length: edits }, () => Math.sqrt(2 * 1)),
    );
    // Those that were under way when it was killed are lost: at most as many as may be at once.
    expect(server.count).toBeLessThanOrEqual(2 * edits + 4);
    rmSync(cache, { recursive: true });
  });
});
