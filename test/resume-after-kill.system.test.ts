/** A run that is killed with SIGKILL and resumed says the same as one that was left alone, wherever it was killed. */

import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { beforeAll, describe, expect, test } from "vitest";

import { writeScenes } from "../src/data/scenes/write-scenes.ts";
import { comparableEvents } from "../src/runs/event-log.ts";
import { startEarl } from "./run-earl.ts";

const CONFIG = `
name: trial
algorithm: sft-grpo
data: { directory: data }
policy: { hiddenSize: 16, layers: 1, heads: 2, keyValueHeads: 1, intermediateSize: 16 }
tokenizer: { textMerges: 0 }
engine: { threads: 1 }
sft: { steps: 5, batchSize: 2, warmupSteps: 1, evaluateEvery: 2, validationSize: 2, saveEvery: 2 }
grpo: { steps: 3, prompts: 2, groupSize: 2, warmupSteps: 1, evaluateEvery: 2, validationSize: 2, saveEvery: 2, maxTokens: 64 }
evaluation: { size: 4, comparisons: 2 }
`;

let data: string;
let uninterrupted: Record<string, unknown>[];
let finished: string;

beforeAll(async () => {
  data = join(mkdtempSync(join(tmpdir(), "earl-kill-")), "data");
  await writeScenes({ directory: data, seed: 1, counts: { train: 12, validation: 4, test: 4 } });
  finished = workplace();
  await earl(finished, []);
  uninterrupted = comparableEvents(join(finished, "runs/trial/events.jsonl"));
}, 300_000);

function workplace(): string {
  const folder = mkdtempSync(join(tmpdir(), "earl-kill-"));
  cpSync(data, join(folder, "data"), { recursive: true });
  writeFileSync(join(folder, "trial.yaml"), CONFIG);
  return folder;
}

/** Trains until the end, or until `isDue`, when the signal is sent. Returns exit code, signal and stderr. */
async function earl(
  folder: string,
  flags: readonly string[],
  isDue: () => boolean = () => false,
  signal: NodeJS.Signals = "SIGKILL",
): Promise<{ code: number | null; signal: NodeJS.Signals | null; err: string }> {
  const child = startEarl(folder, "train", "trial.yaml", ...flags);
  let err = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const closed = once(child, "close");
  let isSent = false;
  while (child.exitCode === null && child.signalCode === null) {
    if (!isSent && isDue()) {
      isSent = true;
      child.kill(signal);
    }
    await wait(1);
  }
  await closed;
  return { code: child.exitCode, signal: child.signalCode, err };
}

const eventsIn = (folder: string): string => join(folder, "runs/trial/events.jsonl");

/** True from the moment the events hold the text. */
const said = (folder: string, text: string) => (): boolean =>
  existsSync(eventsIn(folder)) && readFileSync(eventsIn(folder), "utf8").includes(text);

/** True while a checkpoint of the stage is being written. */
const isSaving = (folder: string, stage: string) => (): boolean => {
  const checkpoints = join(folder, "runs/trial/checkpoints");
  return (
    existsSync(checkpoints) &&
    readdirSync(checkpoints).some((name) => name.startsWith(stage) && name.includes(".tmp-"))
  );
};

const stepOf = (stage: string, step: number): string => `"kind":"step-end","stage":"${stage}","step":${step}`;

describe("a run killed with SIGKILL and resumed", () => {
  test.each<[string, (folder: string) => () => boolean]>([
    ["as soon as its folder is there", (folder) => () => existsSync(join(folder, "runs/trial"))],
    ["while the first checkpoint is written", (folder) => isSaving(folder, "sft-000000")],
    ["between two checkpoints of SFT", (folder) => said(folder, stepOf("sft", 3))],
    ["when SFT has ended", (folder) => said(folder, `"kind":"stage-end","stage":"sft"`)],
    ["while a checkpoint of GRPO is written", (folder) => isSaving(folder, "grpo-000002")],
    ["during the held-out evaluation", (folder) => said(folder, `"kind":"stage-end","stage":"grpo"`)],
  ])(
    "%s, writes the same events",
    async (_, killPoint) => {
      const folder = workplace();
      expect(await earl(folder, [], killPoint(folder))).toMatchObject({ signal: "SIGKILL" });
      expect(await earl(folder, ["--resume"])).toMatchObject({ code: 0 });
      expect(comparableEvents(eventsIn(folder))).toEqual(uninterrupted);
      const run = join(folder, "runs/trial");
      expect(readdirSync(run, { recursive: true }).filter((name) => name.includes(".tmp-"))).toEqual([]);
      expect(readdirSync(join(run, "checkpoints")).toSorted()).toEqual(
        readdirSync(join(finished, "runs/trial/checkpoints")).toSorted(),
      );
    },
    300_000,
  );
});

describe.each<[string, NodeJS.Signals]>([
  ["with Ctrl-C", "SIGINT"],
  ["by a terminal that closes", "SIGHUP"],
])("a run stopped %s", (_, signal) => {
  test("finishes its step, saves, exits 130 and goes on as if nothing had been", async () => {
    const folder = workplace();
    const stopped = await earl(folder, [], said(folder, stepOf("grpo", 1)), signal);
    expect(stopped.code).toBe(130);
    expect(stopped.err).toContain("Go on with the same command and --resume.");
    const kinds = comparableEvents(eventsIn(folder)).map(({ kind }) => kind);
    expect(kinds.at(-1)).toBe("checkpoint-saved");
    expect(await earl(folder, ["--resume"])).toMatchObject({ code: 0 });

    // The checkpoint that Ctrl-C asked for is the one event that an uninterrupted run does not have.
    const steps = (events: readonly Record<string, unknown>[]): unknown[] =>
      events.filter(({ kind }) => kind !== "checkpoint-saved");
    expect(steps(comparableEvents(eventsIn(folder)))).toEqual(steps(uninterrupted));
  }, 300_000);
});
