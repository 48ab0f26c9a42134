/** A whole run on the torch engine: it learns what the onnx engine learns, and goes on after whatever ended it. */

import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { beforeAll, describe, expect, test } from "vitest";

import { writeScenes } from "../src/data/scenes/write-scenes.ts";
import { pythonForTests } from "../src/engine/torch/small-torch.contract.ts";
import { comparableEvents } from "../src/runs/event-log.ts";
import { startEarl } from "./run-earl.ts";
import { leftOfSession, runningProcesses, type Process } from "./small/processes.ts";

const ONNX = "engine: { threads: 1 }";
const TORCH = "engine: { kind: torch, device: cpu, precision: float32, workers: 2, threads: 1 }";
const CONFIG = `
name: trial
algorithm: sft-grpo
data: { directory: data }
policy: { hiddenSize: 16, layers: 1, heads: 2, keyValueHeads: 1, intermediateSize: 16 }
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
const hasSaid = (folder: string, text: string): boolean =>
  existsSync(eventsIn(folder)) && readFileSync(eventsIn(folder), "utf8").includes(text);
const stepOf = (stage: string, step: number): string => `"kind":"step-end","stage":"${stage}","step":${step}`;

interface Ended {
  readonly code: number | null;
  readonly err: string;
  /** Of driver and workers. */
  readonly session: number;
}

/** Trains until the end; at an event, does something to earl's process or to those of its engine. */
async function train(
  folder: string,
  flags: readonly string[],
  { at = "", act }: { at?: string; act?: (earl: number, engine: readonly Process[]) => void } = {},
): Promise<Ended> {
  const child = startEarl(folder, "train", "trial.yaml", ...flags);
  let err = "";
  child.stderr?.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const closed = once(child, "close");
  let [isDone, session] = [act === undefined, 0];
  while (!isDone && child.exitCode === null && child.signalCode === null) {
    await wait(5);
    if (!hasSaid(folder, at)) continue;
    isDone = true;
    const all = runningProcesses();
    session =
      all.find(({ parent, words }) => parent === child.pid && words.includes("earl_engine"))?.pid ?? 0;
    act?.(
      child.pid!,
      all.filter((one) => one.session === session),
    );
  }
  await closed;
  return { code: child.exitCode, err, session };
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

describe.skipIf(pythonForTests() === undefined)("a run on two ranks", () => {
  test("learns what the onnx engine learns, and the same after a dead worker and Ctrl-C", async () => {
    const [onnx, whole, broken] = [workplace(ONNX), workplace(TORCH), workplace(TORCH)];
    expect(await train(onnx, [])).toMatchObject({ code: 0 });
    expect(await train(whole, [])).toMatchObject({ code: 0 });
    const [wanted, found] = [resultsIn(onnx), resultsIn(whole)].map((results) =>
      results.filter(({ kind }) => kind === "step-end" || kind === "evaluation-end"),
    );
    expect(found!.map(({ kind }) => kind)).toEqual(wanted!.map(({ kind }) => kind));
    expect(found!.length).toBeGreaterThanOrEqual(8);

    const killed = await train(broken, [], {
      at: stepOf("sft", 3),
      act: (_earl, engine) => {
        const worker = engine.filter(({ words }) => words.startsWith("ray::")).at(-1)!;
        process.kill(worker.pid, "SIGKILL");
      },
    });
    expect(killed.code).toBe(2);
    expect(killed.err).toMatch(/Worker \d \(process \d+ on .*\) died: it was killed, or ran out of memory\./);
    expect(killed.err).toContain("--resume");
    expect(await leftOfSession(killed.session, 5)).toEqual([]);

    const stopped = await train(broken, ["--resume"], {
      at: stepOf("grpo", 2),
      act: (earl) => process.kill(earl, "SIGINT"),
    });
    expect(stopped.code).toBe(130);
    expect(stopped.err).toContain("Go on with the same command and --resume.");
    expect(await leftOfSession(stopped.session, 5)).toEqual([]);

    expect(await train(broken, ["--resume"])).toMatchObject({ code: 0 });
    expect(resultsIn(broken)).toEqual(resultsIn(whole));
    const [one, other] = [numbersOf(wanted), numbersOf(found)];
    expect(other).toHaveLength(one.length);
    const apart = one.map((value, place) => Math.abs(value - other[place]!) / Math.max(1, Math.abs(value)));
    expect(Math.max(...apart)).toBeLessThan(1e-3);
  }, 600_000);
});
