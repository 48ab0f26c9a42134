/**
 * Does it learn? Three seeds from start to finish. From the same start, supervised training that goes on is compared
 * with GRPO at equal compute, counted in FLOPs; once where demonstrations are right, once where 30 % are wrong, and with
 * --thoughts once where the policy writes a thought before the picture, at the compute of the arms without.
 *
 *   npm run bench:learning              # everything; arms that were trained already are kept in runs/learning
 *   npm run bench:learning -- --seeds 0 --threads 1   # one seed on one core, another beside it
 *   npm run bench:learning -- --thoughts              # and the arms with thoughts
 *   npm run bench:learning -- --worlds clean,thoughts --scale 0.01 --seeds 0   # whether it runs, in a minute
 */

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { openEngine } from "../src/experiment/open-engine.ts";
import { startPolicy } from "../src/experiment/start-policy.ts";
import type { OpenPolicy } from "../src/experiment/open-policy.ts";
import type { RunConfig } from "../src/experiment/run-config.ts";
import type { DatasetSplit } from "../src/data/edit-dataset.ts";
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
import type { SftSettings } from "../src/train/sft-settings.ts";
import {
  CONTINUED_LEARNING_RATE,
  countsOf,
  IMPERFECT,
  rootOf,
  SEEDS,
  settingsOf,
  stepsOf,
} from "./learning/settings.ts";
import { trainArm, type ArmTraining, type TrainedArm } from "./learning/train-arm.ts";

const WORLDS = ["clean", "imperfect", "thoughts"] as const;
type World = (typeof WORLDS)[number];
const PARTS = ["start", "SFT continued", "GRPO"] as const;
type ArmName = `${World}: ${(typeof PARTS)[number]}`;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: SEEDS.join(",") },
    threads: { type: "string", default: "0" },
    scale: { type: "string", default: "1" },
    worlds: { type: "string" },
    thoughts: { type: "boolean", default: false },
  },
});
const seeds = values.seeds.split(",").map(Number);
const extent = { scale: Number(values.scale), threads: Number(values.threads) };
const worlds = WORLDS.filter((world) =>
  values.worlds === undefined
    ? world !== "thoughts" || values.thoughts
    : values.worlds.split(",").includes(world),
);
const root = rootOf(extent);
const counts = countsOf(extent);

const measures = [rewardMeasure(referenceReward), EXACT_MATCH];
/** Scored edits of each arm and decoding, all seeds together. */
const pooled = new Map<string, ArmRows>();
const perSeed: ArmResult[] = [];
const costs: string[] = [];
const folders = { clean: join(root, "clean"), imperfect: join(root, "imperfect") };

for (const [name, directory] of Object.entries(folders)) {
  if (existsSync(join(directory, "dataset.json"))) continue;
  process.stderr.write(`writing ${directory}\n`);
  await writeScenes({ directory, seed: 0, counts, imperfect: name === "clean" ? 0 : IMPERFECT });
}
for (const seed of seeds) {
  await using host = await openEngineHost(settingsOf(seed, extent).engine);
  await oneSeed(host, seed);
}
report();

async function oneSeed(host: EngineHost, seed: number): Promise<void> {
  const plain = await openTrial(host, seed, false);
  const base = await plain.train("base", plain.fresh, plain.sft);
  const trained = new Map<ArmName, TrainedArm>();
  for (const world of ["clean", "imperfect"] as const) {
    if (!worlds.includes(world)) continue;
    const demonstrations = await plain.prepared(folders[world], "train");
    const start =
      world === "clean"
        ? base
        : await plain.train("imperfect-start", base.policy, {
            kind: "sft",
            settings: { ...plain.continued, steps: stepsOf(extent).imperfect },
            train: demonstrations,
          });
    trained.set(`${world}: start`, start);
    // The judge knows the right answer whatever the demonstrations showed.
    const rl = await plain.train(`${world}-grpo`, start.policy, plain.grpo);
    trained.set(`${world}: GRPO`, rl);
    const steps = Math.round(rl.flops / (base.flops / base.steps));
    const settings = { ...plain.continued, steps };
    const more = await plain.train(`${world}-sft`, start.policy, {
      kind: "sft",
      settings,
      train: demonstrations,
    });
    trained.set(`${world}: SFT continued`, more);
  }
  await score(plain, { seed, trained });
  if (worlds.includes("thoughts")) {
    const rl = trained.get("clean: GRPO") ?? (await plain.train("clean-grpo", base.policy, plain.grpo));
    const thinking = await openTrial(host, seed, true);
    await score(thinking, {
      seed,
      trained: await thinkingArms(thinking, { base: base.flops, rl: rl.flops }),
    });
  }
}

/** As many steps with thoughts as the arms without had compute for, measured on a few steps of each kind first. */
async function thinkingArms(
  trial: Trial,
  compute: { readonly base: number; readonly rl: number },
): Promise<Map<ArmName, TrainedArm>> {
  const { fresh, sft, grpo, continued } = trial;
  const pilot = await trial.train("thoughts-pilot-sft", fresh, {
    ...sft,
    settings: { ...sft.settings, steps: 4 },
  });
  const sftStep = pilot.flops / pilot.steps;
  const start = await trial.train("thoughts-start", fresh, {
    ...sft,
    settings: { ...sft.settings, steps: stepsFor(compute.base, sftStep) },
  });
  const trialRl = await trial.train("thoughts-pilot-grpo", start.policy, {
    ...grpo,
    settings: { ...grpo.settings, steps: 2 },
  });
  const rl = await trial.train("thoughts-grpo", start.policy, {
    ...grpo,
    settings: { ...grpo.settings, steps: stepsFor(compute.rl, trialRl.flops / trialRl.steps) },
  });
  const more = await trial.train("thoughts-sft", start.policy, {
    ...sft,
    settings: { ...continued, steps: stepsFor(compute.rl, sftStep) },
  });
  return new Map([
    ["thoughts: start", start],
    ["thoughts: GRPO", rl],
    ["thoughts: SFT continued", more],
  ]);
}

function stepsFor(flops: number, step: number): number {
  return Math.max(1, Math.round(flops / step));
}

/** What the arms of one seed share, with thoughts or without. */
interface Trial {
  readonly host: EngineHost;
  readonly config: RunConfig;
  readonly fresh: OpenPolicy;
  readonly edits: readonly PreparedEdit[];
  readonly sft: Extract<ArmTraining, { kind: "sft" }>;
  readonly grpo: Extract<ArmTraining, { kind: "grpo" }>;
  readonly continued: SftSettings;
  readonly prepared: (directory: string, split: DatasetSplit) => Promise<PreparedEdits>;
  readonly train: (name: string, start: OpenPolicy, training: ArmTraining) => Promise<TrainedArm>;
}

async function openTrial(host: EngineHost, seed: number, thoughts: boolean): Promise<Trial> {
  const config = settingsOf(seed, extent, thoughts);
  const cleanTrain = await openDataset({ kind: "omniedit", directory: folders.clean }, "train");
  const fresh = await startPolicy(host, config, { train: cleanTrain });
  const { tokens, vision, grammar } = fresh;
  const parts = { tokens, vision, grammar, thoughts };
  const prepared = async (directory: string, split: DatasetSplit): Promise<PreparedEdits> =>
    prepareEdits(await openDataset({ kind: "omniedit", directory }, split), parts);
  const validation = await prepared(folders.clean, "validation");
  const clean = await prepared(folders.clean, "train");
  return {
    host,
    config,
    fresh,
    edits: await firstEdits(await prepared(folders.clean, "test"), counts.test),
    sft: { kind: "sft", settings: config.sft, train: clean },
    grpo: { kind: "grpo", settings: config.grpo, train: clean },
    continued: { ...config.sft, learningRate: CONTINUED_LEARNING_RATE },
    prepared,
    train: (name, start, training) =>
      trainArm({ host, config, validation, folder: join(root, `seed-${seed}`, name), start, training }),
  };
}

async function score(
  { host, config, fresh, edits }: Trial,
  { seed, trained }: { readonly seed: number; readonly trained: ReadonlyMap<ArmName, TrainedArm> },
): Promise<void> {
  const ordered = [...trained].toSorted(([one], [other]) => placeOf(one) - placeOf(other));
  costs.push(...ordered.map(([name, arm]) => costLine(seed, name, arm)));
  const { arms } = await evaluateBenchmark({
    benchmark: { name: "held-out", reward: referenceReward, measures },
    edits,
    policy: fresh,
    arms: ordered.map(([name, { policy }]) => ({
      name,
      role: name.endsWith("GRPO") ? "rl" : "policy",
      open: async () => {
        process.stderr.write(`scoring seed ${seed}, ${name}\n`);
        const { optimizer } = config;
        return openEngine(host, policy, { optimizer, purpose: "training" });
      },
    })),
    maxTokens: config.grpo.maxTokens,
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

/** Worlds in their order, and in each the start first. */
function placeOf(name: ArmName): number {
  const [world, part] = name.split(": ") as [World, (typeof PARTS)[number]];
  return PARTS.length * WORLDS.indexOf(world) + PARTS.indexOf(part);
}

function costLine(seed: number, name: string, { steps, flops, seconds }: TrainedArm): string {
  return `seed ${seed}  ${name.padEnd(26)} ${String(steps).padStart(5)} steps  ${(flops / 1e12).toFixed(2).padStart(6)} TFLOP  ${seconds.toFixed(0).padStart(5)} s`;
}

function report(): void {
  const results = [...pooled.values()].flatMap(({ name, edits }) => armResults(name, edits, measures));
  const byDecoding = results.toSorted((left, right) => left.decoding.localeCompare(right.decoding));
  const text = [
    `${seeds.length} seeds × ${counts.test} held-out edits, reward 0…10, 95 % intervals`,
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
  writeFileSync(join(root, "results.txt"), `${text}\n`);
  writeFileSync(join(root, "results.json"), `${JSON.stringify({ results, perSeed, costs }, null, 2)}\n`);
  process.stdout.write(`${text}\n`);
}
