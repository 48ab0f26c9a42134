/** Whole runs on the torch engine: they learn what the onnx engine learns, and go on after whatever ended them. */

import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { beforeAll, describe, expect, test, vi } from "vitest";

import { writeScenes } from "../src/data/scenes/write-scenes.ts";
import { pythonForTests } from "../src/engine/torch/small-torch.contract.ts";
import { comparableEvents } from "../src/runs/event-log.ts";
import { startEarl } from "./run-earl.ts";
import { leftOfSession, runningProcesses, type Process } from "./small/processes.ts";
import { startRayNodes } from "./small/ray-nodes.ts";

const ONNX = "engine: { threads: 1 }";
const TORCH = "engine: { kind: torch, device: cpu, precision: float32, workers: 2, threads: 1 }";
const CONFIG = `
name: trial
algorithm: sft-grpo
data: { directory: data }
policy: { hiddenSize: 16, layers: 1, heads: 2, keyValueHeads: 1, intermediateSize: 16, startFromLooks: 0.7 }
optimizer: { kind: muon }
tokenizer: { textMerges: 0 }
sft: { steps: 4, batchSize: 2, warmupSteps: 1, evaluateEvery: 2, validationSize: 2, saveEvery: 2 }
grpo: { steps: 4, prompts: 2, groupSize: 2, warmupSteps: 1, evaluateEvery: 2, validationSize: 2, saveEvery: 2, maxTokens: 64 }
evaluation: { size: 4, comparisons: 2 }
`;

let data: string;
beforeAll(async () => {
  data = join(mkdtempSync(join(tmpdir(), "earl-torch-run-")), "data");
  await writeScenes({ directory: data, seed: 1, counts: { train: 12, validation: 4, test: 4 } });
});

function workplace(engine: string): string {
  const folder = mkdtempSync(join(tmpdir(), "earl-torch-run-"));
  cpSync(data, join(folder, "data"), { recursive: true });
  writeFileSync(join(folder, "trial.yaml"), `${CONFIG}${engine}\n`);
  return folder;
}

const eventsIn = (folder: string): string => join(folder, "runs/trial/events.jsonl");
const stepOf = (stage: string, step: number): string => `"kind":"step-end","stage":"${stage}","step":${step}`;

/** What earl's `attempt`th process in this folder has said is what it resumed from and what it says itself. */
function hasSaid(folder: string, text: string, attempt: number): boolean {
  const lines = existsSync(eventsIn(folder)) ? readFileSync(eventsIn(folder), "utf8").split("\n") : [];
  return lines.some((line) => line.includes(text) && line.includes(`"attempt":${attempt},`));
}

interface Ended {
  readonly code: number | null;
  readonly err: string;
  /** Of driver and, where earl started the cluster, workers. */
  readonly session: number;
  /** From the act to the end of earl's process. */
  readonly seconds: number;
}

interface Fault {
  readonly at: string;
  readonly attempt: number;
  /** Done to earl's process or to those of its engine. */
  readonly act: (earl: number, engine: readonly Process[]) => void;
}

const NO_FAULT: Fault = { at: "no such event", attempt: 0, act: () => {} };

/** Trains until the end; at an event, something is done. */
async function train(
  folder: string,
  flags: readonly string[],
  { at, attempt, act }: Fault = NO_FAULT,
): Promise<Ended> {
  const child = startEarl(folder, "train", "trial.yaml", ...flags);
  let err = "";
  child.stderr?.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const closed = once(child, "close");
  let [session, start] = [0, 0];
  while (start === 0 && child.exitCode === null && child.signalCode === null) {
    await wait(5);
    if (!hasSaid(folder, at, attempt)) continue;
    const all = runningProcesses();
    session =
      all.find(({ parent, words }) => parent === child.pid && words.includes("earl_engine"))?.pid ?? 0;
    act(
      child.pid!,
      all.filter((one) => one.session === session),
    );
    start = performance.now();
  }
  await closed;
  return { code: child.exitCode, err, session, seconds: (performance.now() - start) / 1000 };
}

/** What steps and evaluations came out as; a checkpoint that Ctrl-C asked for is no result. */
const resultsIn = (folder: string): Record<string, unknown>[] =>
  comparableEvents(eventsIn(folder)).filter(({ kind }) => kind !== "checkpoint-saved");

/** Numbers of results, in order; operations are those of each engine's own kernels. */
function numbersOf(results: unknown): number[] {
  if (typeof results === "number") return [results];
  if (typeof results !== "object" || results === null) return [];
  return Object.entries(results).flatMap(([name, value]) => (name === "flops" ? [] : numbersOf(value)));
}

/** What ends the run, one after the other: each on the checkpoint that the one before left. */
const FAULTS: readonly (Omit<Fault, "attempt"> & {
  readonly what: string;
  readonly code: number | null;
  readonly says: RegExp;
})[] = [
  {
    what: "a worker is killed",
    at: stepOf("sft", 3),
    act: (_earl, engine) => {
      process.kill(engine.filter(({ words }) => words.startsWith("ray::Worker")).at(-1)!.pid, "SIGKILL");
    },
    code: 2,
    says: /Worker \d \(process \d+ on .*\) died: it was killed, or ran out of memory\.[^]*--resume[^]*runs\/trial\/engine\.log/,
  },
  {
    what: "the driver is killed",
    at: stepOf("grpo", 1),
    act: (_earl, engine) => process.kill(engine[0]!.session, "SIGKILL"),
    code: 2,
    says: /The engine's driver was ended by SIGKILL[^]*--resume[^]*runs\/trial\/engine\.log/,
  },
  {
    what: "earl is killed",
    at: stepOf("grpo", 3),
    act: (earl) => process.kill(earl, "SIGKILL"),
    code: null,
    says: /^(?!.*Error)/,
  },
  {
    what: "Ctrl-C",
    at: stepOf("grpo", 3),
    act: (earl) => process.kill(earl, "SIGINT"),
    code: 130,
    says: /Go on with the same command and --resume\./,
  },
];

/** A run on two nodes of somebody else's cluster, until one of them dies. */
async function loseNode(folder: string): Promise<void> {
  await using nodes = await startRayNodes(pythonForTests()!, 2);
  vi.stubEnv("RAY_ADDRESS", nodes.address);
  vi.stubEnv("RAY_AUTH_MODE", "token");
  vi.stubEnv("RAY_AUTH_TOKEN", nodes.token);
  const act = (): void => nodes.kill(1);
  const ended = await train(folder, [], { attempt: 0, at: stepOf("sft", 1), act });
  vi.unstubAllEnvs();
  expect(ended.code).toBe(2);
  expect(ended.err).toMatch(/Worker \d \(process \d+ on .*\) cannot be reached: its node died/);
  expect(ended.seconds).toBeLessThan(5);
}

describe.skipIf(pythonForTests() === undefined)("a run on two ranks", () => {
  let whole = "";
  let end: Ended;
  beforeAll(async () => {
    whole = workplace(TORCH);
    end = await train(whole, []);
  });

  test("learns what the onnx engine learns", async () => {
    expect(end).toMatchObject({ code: 0 });
    const onnx = workplace(ONNX);
    expect(await train(onnx, [])).toMatchObject({ code: 0 });
    const [wanted, found] = [resultsIn(onnx), resultsIn(whole)].map((results) =>
      results.filter(({ kind }) => kind === "step-end" || kind === "evaluation-end"),
    );
    expect(found!.map(({ kind }) => kind)).toEqual(wanted!.map(({ kind }) => kind));
    expect(found!.length).toBeGreaterThanOrEqual(8);
    const [one, other] = [numbersOf(wanted), numbersOf(found)];
    expect(other).toHaveLength(one.length);
    const apart = one.map((value, place) => Math.abs(value - other[place]!) / Math.max(1, Math.abs(value)));
    expect(Math.max(...apart)).toBeLessThan(1e-3);
  });

  test("goes on with the same numbers after all that can end it", async () => {
    const broken = workplace(TORCH);
    await loseNode(broken);
    for (const [attempt, { what, code, says, ...fault }] of FAULTS.entries()) {
      const ended = await train(broken, ["--resume"], { attempt: attempt + 1, ...fault });
      expect(ended, what).toMatchObject({ code, err: expect.stringMatching(says) });
      expect(ended.seconds, what).toBeLessThan(5);
      expect(await leftOfSession(ended.session, 5), what).toEqual([]);
    }
    expect(await train(broken, ["--resume"])).toMatchObject({ code: 0 });
    expect(resultsIn(broken)).toEqual(resultsIn(whole));
  }, 600_000);
});
