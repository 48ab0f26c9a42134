/** A training run from start to finish against a judge over HTTP, one that is well and one that is not. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeScenes } from "../src/data/scenes/write-scenes.ts";
import { fails, says, type Behaviour } from "./judge-server/behaviour.ts";
import { JudgeServer, type Script } from "./judge-server/judge-server.ts";
import { paintedVerdict } from "./judge-server/painted-verdicts.ts";
import { earl } from "./run-earl.ts";

const before = process.cwd();
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "earl-judged-"));
  process.chdir(folder);
  await writeScenes({ directory: "data", seed: 1, counts: { train: 12, validation: 4, test: 4 } });
}, 120_000);
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

function writeConfig(name: string, url: string): string {
  const text = `
name: ${name}
algorithm: sft-grpo
data: { directory: data }
policy: { hiddenSize: 16, layers: 2, heads: 2, keyValueHeads: 1, intermediateSize: 16 }
tokenizer: { textMerges: 0 }
engine: { threads: 1 }
sft: { steps: 2, batchSize: 2, evaluateEvery: 2, validationSize: 2, saveEvery: 2 }
grpo: { steps: 2, prompts: 2, groupSize: 3, evaluateEvery: 1, validationSize: 1, saveEvery: 1, maxTokens: 64, learningRate: 1e-3 }
evaluation: { size: 0 }
rewards:
  - kind: viescore
    model: judge
    endpoints: [{ url: ${url}, concurrency: 4 }]
    callSeconds: 1
    totalSeconds: 4
    retries: 4
    cache: { isUsed: false }
`;
  writeFileSync(`${name}.yaml`, text);
  return `${name}.yaml`;
}

/** What a command comes back with that went well. */
const TRAINED = expect.objectContaining({ code: 0 }) as object;

interface Logged {
  readonly kind: string;
  readonly step?: number;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly reason?: string;
}

function eventsOf(name: string): Logged[] {
  const lines = readFileSync(`runs/${name}/events.jsonl`, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Logged);
}

/** What was learned: the figures of each step and evaluation that a judge's faults must not change. */
function learned(name: string): unknown[] {
  return eventsOf(name)
    .filter(({ kind }) => kind === "step-end" || kind === "evaluation-end")
    .map(({ kind, step, metrics = {} }) => {
      const figures = Object.entries(metrics).filter(([key]) => !/^(time|judge\/calls)\//.test(key));
      return [kind, step, Object.fromEntries(figures)];
    });
}

/** Judges by the picture, after a fault in every third request. */
const faulty: Script = async (request) => {
  const faults: readonly Behaviour[] = [
    fails(500),
    { does: "resets" },
    says("I would rather not say."),
    { does: "breaks off", body: "{}" },
    fails(503, "loading"),
  ];
  return request.index % 3 === 1 ? faults[request.index % faults.length]! : paintedVerdict(request);
};

describe("training with a judge", () => {
  test("learns the same under faults, and waits out a judge that is away", async () => {
    await using well = await JudgeServer.start(paintedVerdict);
    expect(await earl("train", writeConfig("well", well.url))).toEqual(TRAINED);
    expect(eventsOf("well").some(({ kind }) => kind === "run-paused")).toBe(false);

    let ill = await JudgeServer.start(faulty);
    const { port } = ill;
    // After a third of what it would be asked it goes away, and comes back when the run has noticed.
    const enough = Math.round(well.count / 3);
    ill.script = (request) => (request.index > enough ? { does: "dies" } : faulty(request));
    const training = earl("train", writeConfig("ill", ill.url));
    while (!isPaused("ill")) await new Promise((resolve) => setTimeout(resolve, 50));
    ill = await JudgeServer.start(faulty, { port });
    expect(await training).toEqual(TRAINED);
    await ill[Symbol.asyncDispose]();

    expect(eventsOf("ill").find(({ kind }) => kind === "run-paused")?.reason).toMatch(/unreachable/);
    expect(learned("ill")).toEqual(learned("well"));
    const rewards = eventsOf("well").flatMap(({ metrics }) => metrics?.["rewards/viescore/mean"] ?? []);
    expect(rewards.length).toBeGreaterThan(0);
    expect(rewards.every((reward) => reward > 0 && reward < 10)).toBe(true);
  }, 240_000);
});

function isPaused(name: string): boolean {
  try {
    return eventsOf(name).some(({ kind }) => kind === "run-paused");
  } catch {
    return false;
  }
}
