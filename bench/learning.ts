/**
 * Does it learn? Three seeds from start to finish. From the same start, supervised training that goes on is compared
 * with GRPO at equal compute, counted in FLOPs; once where demonstrations are right, once where 30 % are wrong.
 *
 *   npm run bench:learning              # everything; arms that were trained already are kept in runs/learning
 *   npm run bench:learning -- --seeds 0 --threads 1   # one seed on one core, another beside it
 */

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { openEngine } from "../src/experiment/open-engine.ts";
import { startPolicy } from "../src/experiment/start-policy.ts";
import type { OpenPolicy } from "../src/experiment/open-policy.ts";
import type { RunConfig } from "../src/experiment/run-config.ts";
import { openDataset } from "../src/data/open-dataset.ts";
import type { EngineHost } from "../src/engine/engine-host.ts";
import { openEngineHost } from "../src/engine/open-engine-host.ts";
import { writeScenes } from "../src/data/scenes/write-scenes.ts";
import { armResults } from "../src/evaluate/arms.ts";
import { COPY_ARM, evaluateBenchmark, type ArmRows } from "../src/evaluate/evaluate-benchmark.ts";
import { EXACT_MATCH, rewardMeasure } from "../src/evaluate/measures.ts";
import { armTable, armTableByTask } from "../src/evaluate/table.ts";
import { referenceReward } from "../src/rewards/reference.ts";
import { prepareEdits } from "../src/edits/prepare-edits.ts";
import { firstEdits, type PreparedEdit, type PreparedEdits } from "../src/edits/prepared-edit.ts";
import type { ArmResult } from "../src/runs/arm-result.ts";
import {
  CONTINUED_LEARNING_RATE,
  COUNTS,
  IMPERFECT,
  MAX_TOKENS,
  ROOT,
  SEEDS,
  settingsOf,
  STEPS,
} from "./learning/settings.ts";
import { trainArm, type TrainedArm } from "./learning/train-arm.ts";

const ARMS = [
  "clean: start",
  "clean: SFT continued",
  "clean: GRPO",
  "imperfect: start",
  "imperfect: SFT continued",
  "imperfect: GRPO",
] as const;
type ArmName = (typeof ARMS)[number];

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: SEEDS.join(",") },
    threads: { type: "string", default: "0" },
  },
});
const seeds = values.seeds.split(",").map(Number);

const measures = [rewardMeasure(referenceReward), EXACT_MATCH];
/** Scored edits of each arm and decoding, all seeds together. */
const pooled = new Map<string, ArmRows>();
const perSeed: ArmResult[] = [];
const costs: string[] = [];
const folders = { clean: join(ROOT, "clean"), imperfect: join(ROOT, "imperfect") };

for (const [name, directory] of Object.entries(folders)) {
  if (existsSync(join(directory, "dataset.json"))) continue;
  process.stderr.write(`writing ${directory}\n`);
  await writeScenes({ directory, seed: 0, counts: COUNTS, imperfect: name === "clean" ? 0 : IMPERFECT });
}
for (const seed of seeds) {
  await using host = await openEngineHost(settingsOf(seed, Number(values.threads)).engine);
  await oneSeed(host, seed);
}
report();

async function oneSeed(host: EngineHost, seed: number): Promise<void> {
  const config = settingsOf(seed, Number(values.threads));
  const cleanTrain = await openDataset({ kind: "omniedit", directory: folders.clean }, "train");
  const fresh = await startPolicy(host, config, { train: cleanTrain });
  const { tokens, vision, grammar } = fresh;
  const parts = { tokens, vision, grammar, thoughts: false };
  const prepared = async (
    directory: string,
    split: "train" | "validation" | "test",
  ): Promise<PreparedEdits> => prepareEdits(await openDataset({ kind: "omniedit", directory }, split), parts);
  const validation = await prepared(folders.clean, "validation");
  const clean = await prepared(folders.clean, "train");
  const imperfect = await prepared(folders.imperfect, "train");
  const edits = await firstEdits(await prepared(folders.clean, "test"), COUNTS.test);
  const folder = (name: string): string => join(ROOT, `seed-${seed}`, name);
  const continued = { ...config.sft, learningRate: CONTINUED_LEARNING_RATE };
  const shared = { host, config, validation };

  const base = await trainArm({
    ...shared,
    folder: folder("base"),
    start: fresh,
    training: { kind: "sft", settings: config.sft, train: clean },
  });
  const spoilt = await trainArm({
    ...shared,
    folder: folder("imperfect-start"),
    start: base.policy,
    training: { kind: "sft", settings: { ...continued, steps: STEPS.imperfect }, train: imperfect },
  });

  const trained = new Map<ArmName, TrainedArm>();
  for (const [kind, start, demonstrations] of [
    ["clean", base, clean],
    ["imperfect", spoilt, imperfect],
  ] as const) {
    trained.set(`${kind}: start`, start);
    const rl = await trainArm({
      ...shared,
      folder: folder(`${kind}-grpo`),
      start: start.policy,
      // The judge knows the right answer whatever the demonstrations showed.
      training: { kind: "grpo", settings: config.grpo, train: clean },
    });
    trained.set(`${kind}: GRPO`, rl);
    const steps = Math.round(rl.flops / (base.flops / base.steps));
    const more = await trainArm({
      ...shared,
      folder: folder(`${kind}-sft`),
      start: start.policy,
      training: { kind: "sft", settings: { ...continued, steps }, train: demonstrations },
    });
    trained.set(`${kind}: SFT continued`, more);
  }
  costs.push(...ARMS.map((name) => costLine(seed, name, trained.get(name) as TrainedArm)));
  await score(edits, { host, seed, config, fresh, trained });
}

interface Scored {
  readonly host: EngineHost;
  readonly seed: number;
  readonly config: RunConfig;
  readonly fresh: OpenPolicy;
  readonly trained: ReadonlyMap<ArmName, TrainedArm>;
}

async function score(
  edits: readonly PreparedEdit[],
  { host, seed, config, fresh, trained }: Scored,
): Promise<void> {
  const { arms } = await evaluateBenchmark({
    benchmark: { name: "held-out", reward: referenceReward, measures },
    edits,
    policy: fresh,
    arms: ARMS.map((name) => ({
      name,
      role: name.endsWith("GRPO") ? "rl" : "policy",
      open: async () => {
        process.stderr.write(`scoring seed ${seed}, ${name}\n`);
        const { optimizer } = config;
        return openEngine(host, (trained.get(name) as TrainedArm).policy, { optimizer, purpose: "training" });
      },
    })),
    maxTokens: MAX_TOKENS,
    seed,
  });
  for (const { name, edits: scored } of arms) {
    const key = JSON.stringify(name);
    const before = pooled.get(key)?.edits ?? [];
    // Copying the source is the same whatever the seed.
    if (name.arm === COPY_ARM) {
      pooled.set(key, { name, edits: scored });
      continue;
    }
    pooled.set(key, { name, edits: [...before, ...scored] });
    perSeed.push(...armResults({ ...name, arm: `${name.arm}, seed ${seed}` }, scored, measures));
  }
}

function costLine(seed: number, name: string, { steps, flops, seconds }: TrainedArm): string {
  return `seed ${seed}  ${name.padEnd(26)} ${String(steps).padStart(5)} steps  ${(flops / 1e12).toFixed(2).padStart(6)} TFLOP  ${seconds.toFixed(0).padStart(5)} s`;
}

function report(): void {
  const results = [...pooled.values()].flatMap(({ name, edits }) => armResults(name, edits, measures));
  const byDecoding = results.toSorted((left, right) => left.decoding.localeCompare(right.decoding));
  const text = [
    `${seeds.length} seeds × ${COUNTS.test} held-out edits, reward 0…10, 95 % intervals`,
    armTable(byDecoding, measures),
    "By kind of edit",
    armTableByTask(
      byDecoding.filter(({ task }) => task !== "all"),
      measures,
    ),
    "By seed",
    armTable(perSeed, measures),
    "Training cost (what each arm added to the one before it)",
    costs.join("\n"),
  ].join("\n\n");
  writeFileSync(join(ROOT, "results.txt"), `${text}\n`);
  writeFileSync(join(ROOT, "results.json"), `${JSON.stringify({ results, perSeed, costs }, null, 2)}\n`);
  process.stdout.write(`${text}\n`);
}
