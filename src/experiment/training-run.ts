/**
 * A whole run from its config: data → policy → stages → held-out evaluation → report. `earl train` and `earl demo` are
 * both this function.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";

import { datasetFingerprint } from "../data/fingerprint.ts";
import type { EditDataset } from "../data/edit-dataset.ts";
import type { Benchmark } from "../evaluate/benchmark.ts";
import { DECODINGS, evaluateBenchmark, type PolicyArm } from "../evaluate/evaluate-benchmark.ts";
import { openBenchmark } from "../evaluate/open-benchmark.ts";
import { recordBenchmark } from "../evaluate/record-benchmark.ts";
import { openRewards } from "../rewards/open-reward.ts";
import { requireNeeds } from "../rewards/require-needs.ts";
import type { Reward } from "../rewards/reward.ts";
import { firstEdits, type PreparedEdit, type PreparedEdits } from "../edits/prepared-edit.ts";
import { Interrupted } from "../errors.ts";
import type { EngineHost } from "../engine/engine-host.ts";
import { openEngineHost } from "../engine/open-engine-host.ts";
import type { OnLoad } from "../engine/policy-engine.ts";
import { verifyCheckpoint } from "../runs/checkpoint-state.ts";
import type { Clock } from "../runs/clock.ts";
import { STAGES, type RunEvent, type Stage } from "../runs/event.ts";
import { createManifest } from "../runs/manifest.ts";
import { openRun, type OpenRun } from "../runs/open-run.ts";
import { readJson, RunDirectory } from "../runs/run-directory.ts";
import { grpo } from "../train/grpo.ts";
import { sft } from "../train/sft.ts";
import type { StageResult, StageRun } from "../train/stage.ts";
import { refuseChangedData } from "./changed-data.ts";
import { trains } from "./cross-checks.ts";
import { describeSetup } from "./experiment-setup.ts";
import { openEngine, openPolicy, startPolicy, type PolicyStart } from "./policy-start.ts";
import { policyNotices } from "./policy-notices.ts";
import { RunDatasets } from "./run-datasets.ts";
import type { Progress } from "./progress.ts";
import { RunConfig } from "./run-config.ts";
import { requireRunMemory, type DataSize } from "./run-memory.ts";

export interface TrainingRequest {
  readonly config: RunConfig;
  readonly isResume: boolean;
  /** Aborted when the run should save and stop. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** The command as it was typed, for the manifest. */
  readonly commandLine: string;
  readonly progress: Progress;
  /** Hears every event of the run. */
  readonly onEvent: (event: RunEvent) => void;
  /** Hears how far a stage's weights have been read. */
  readonly onLoad: OnLoad;
}

/** What the stages work with. */
interface Material {
  readonly start: PolicyStart;
  readonly train: PreparedEdits;
  /** What the GRPO stage takes prompts and targets from. */
  readonly rlTrain: PreparedEdits;
  readonly validation: PreparedEdits;
  /** What policies are compared on at the end; none where nothing is evaluated. */
  readonly benchmarks: readonly OpenedBenchmark[];
}

interface OpenedBenchmark {
  readonly benchmark: Benchmark;
  readonly edits: PreparedEdits;
}

export function runDirectoryOf(config: RunConfig): RunDirectory {
  return new RunDirectory(join("runs", config.name));
}

/**
 * Trains and evaluates. Nothing is left behind when it fails before the first checkpoint. Throws Interrupted when the
 * signal stopped it; the run can then be resumed.
 */
export async function trainingRun(request: TrainingRequest): Promise<void> {
  const { config, isResume, signal, clock, progress } = request;
  const directory = runDirectoryOf(config);
  requireRunMemory(config);
  await using host = await openEngineHost(config.engine);
  using run = openRun({ directory, config, schema: RunConfig, isResume, clock });
  const { resumePoint } = run;
  if (resumePoint !== undefined) await verifyCheckpoint(resumePoint.checkpoint);
  await using reward = await openRewards(config.rewards);
  const datasets = new RunDatasets(config.data, (notice) => progress.say(notice));
  const material = await gather({ host, config, datasets, reward, saved: resumePoint?.checkpoint });
  progress.say(`Policy ${material.start.about}`);
  const sampled = trains(config, "grpo") ? config.grpo.maxTokens : 0;
  const first = await firstEdits(material.train, 1);
  requireRunMemory(config, dataSize(material, first));
  for (const notice of policyNotices(material.start, first, sampled)) progress.say(notice);
  const data = await datasetFingerprint(datasets.opened);
  if (isResume) refuseChangedData(directory, data);
  run.begin(
    createManifest(
      {
        name: config.name,
        command: request.commandLine,
        setup: describeSetup(config, material.start.about),
        seeds: { run: config.seed },
        data,
        dataset: datasetRecord(config.data.directory),
        device: host.device,
      },
      clock,
    ),
  );
  run.recorder.subscribe(request.onEvent);
  try {
    const parts = { ...request, host, material, reward, run };
    const arms = await trainStages(parts);
    if (arms === "interrupted" || signal.aborted) throw interrupted(config, directory);
    for (const opened of material.benchmarks) await evaluateArms(parts, opened, arms);
    run.recorder.record({ kind: "run-end" });
  } catch (error) {
    run.discard();
    // What was stopped in the middle of a step rejects with the signal's reason; the last whole step is saved.
    throw signal.aborted && error === signal.reason ? interrupted(config, directory) : error;
  }
}

/** Scores the arms on a benchmark and records how they did. Throws Interrupted when the signal stopped it. */
async function evaluateArms(
  { config, material, run, signal, progress }: StageParts,
  { benchmark, edits: all }: OpenedBenchmark,
  arms: readonly PolicyArm[],
): Promise<void> {
  const advance = (done: number): void => {
    if (signal.aborted) throw interrupted(config, run.directory);
    progress.advance(done);
  };
  const { size, comparisons } = config.evaluation;
  const title = benchmark.name === "held-out" ? "Held-out" : `Benchmark ${benchmark.name}:`;
  progress.start(`${title} edits`, Math.min(size, all.count));
  const edits = await firstEdits(all, size, advance);
  progress.start(`${title} evaluation`, arms.length * DECODINGS.length);
  const results = await evaluateBenchmark({
    benchmark,
    edits,
    policy: material.start,
    arms,
    maxTokens: config.grpo.maxTokens,
    seed: config.seed,
    comparisons,
    maxFailed: config.grpo.maxFailedVerdicts,
    signal,
    onDone: advance,
  }).catch((error: unknown) => {
    throw signal.aborted ? interrupted(config, run.directory) : error;
  });
  progress.finish(`${edits.length} edits`);
  recordBenchmark(run.recorder, results);
}

interface Gathering {
  readonly host: EngineHost;
  readonly config: RunConfig;
  readonly datasets: RunDatasets;
  readonly reward: Reward;
  /** The checkpoint that a run goes on from. */
  readonly saved: string | undefined;
}

async function gather({ host, config, datasets, reward, saved }: Gathering): Promise<Material> {
  const { rlDirectory, thoughts } = config.data;
  const train = await datasets.open("train");
  const rlTrain = await datasets.open("train", rlDirectory);
  const validation = await datasets.open("validation");
  if (trains(config, "grpo"))
    for (const dataset of [rlTrain, validation]) await requireNeeds(reward, dataset);
  const start = await startPolicy(host, config, { train, saved });
  const { tokens, vision, grammar } = start;
  const prepare = (dataset: EditDataset): PreparedEdits =>
    datasets.prepare(dataset, { tokens, vision, grammar, thoughts });
  const benchmarks: OpenedBenchmark[] = [];
  for (const choice of config.evaluation.size === 0 ? [] : config.evaluation.benchmarks) {
    const benchmark = openBenchmark(choice, {
      edits: async (split) => {
        const dataset = await datasets.open(split);
        await requireNeeds(reward, dataset);
        return prepare(dataset);
      },
      prepare,
      reward,
    });
    benchmarks.push({ benchmark, edits: await benchmark.open() });
  }
  return {
    start,
    train: prepare(train),
    rlTrain: prepare(rlTrain),
    validation: prepare(validation),
    benchmarks,
  };
}

function dataSize(
  { train, rlTrain, validation, benchmarks }: Material,
  [edit]: readonly PreparedEdit[],
): DataSize {
  const test = Math.max(0, ...benchmarks.map(({ edits }) => edits.count));
  return {
    pictureBytes: edit?.source.pixels.length ?? 0,
    counts: { train: train.count, rlTrain: rlTrain.count, validation: validation.count, test },
  };
}

function datasetRecord(directory: string): unknown {
  const path = join(directory, "dataset.json");
  return existsSync(path) ? readJson(path) : undefined;
}

interface StageParts extends TrainingRequest {
  readonly host: EngineHost;
  readonly material: Material;
  readonly reward: Reward;
  readonly run: OpenRun;
}

/** Runs the stages that the config asks for and that are not behind; returns the policies to compare. */
async function trainStages(parts: StageParts): Promise<PolicyArm[] | "interrupted"> {
  const { config, run } = parts;
  const arms: PolicyArm[] = [];
  if (config.algorithm === "grpo")
    arms.push(armOf(parts, { name: "start", role: "policy" }, parts.material.start));
  for (const stage of STAGES) {
    if (!trains(config, stage)) continue;
    const isBehind = stage === "sft" && run.resumePoint?.stage === "grpo";
    if (!isBehind) {
      const { reason } = await trainStage(parts, stage);
      if (reason === "interrupted") return "interrupted";
    }
    const name = stage === "sft" ? "SFT" : `${config.algorithm === "grpo" ? "start" : "SFT"} → RL`;
    const role = stage === "sft" ? "policy" : "rl";
    arms.push(armOf(parts, { name, role }, await bestOf(parts, stage)));
  }
  return arms;
}

async function trainStage(parts: StageParts, stage: Stage): Promise<StageResult> {
  const { config, material, reward, run, signal, clock } = parts;
  const { start, train, rlTrain, validation } = material;
  // Each stage begins with fresh optimizer state: what Adam remembers of one loss says little about another.
  const origin = stage === "grpo" && config.algorithm === "sft-grpo" ? await bestOf(parts, "sft") : start;
  await using engine = await openEngine(parts.host, origin, {
    optimizer: config.optimizer,
    purpose: "training",
    keepsReference: stage === "grpo" && config.grpo.loss.klCoef > 0,
    onLoad: parts.onLoad,
  });
  const stageRun: StageRun = {
    recorder: run.recorder,
    clock,
    seed: config.seed,
    signal,
    ...(run.resumePoint?.stage === stage ? { resume: run.resumePoint } : {}),
  };
  const { tokens, vision } = start;
  return stage === "sft"
    ? await sft({ engine, train, validation }, config.sft, stageRun)
    : await grpo({ engine, vision, tokens, reward, train: rlTrain, validation }, config.grpo, stageRun);
}

/** The best checkpoint of a stage that is done; the policy it started from where it made no checkpoint. */
async function bestOf({ config, host, run, material }: StageParts, stage: Stage): Promise<PolicyStart> {
  const name = run.recorder.best[stage];
  if (name === undefined) return material.start;
  const { freeGridText } = config.policy;
  return openPolicy(host, join(run.directory.checkpoints, name), { freeGridText });
}

function armOf(
  { config, host }: StageParts,
  arm: Pick<PolicyArm, "name" | "role">,
  policy: PolicyStart,
): PolicyArm {
  const { optimizer } = config;
  return { ...arm, open: () => openEngine(host, policy, { optimizer, purpose: "inference" }) };
}

function interrupted(config: RunConfig, directory: RunDirectory): Interrupted {
  return new Interrupted(
    `Stopped. The run ${config.name} is saved in ${directory.path}.`,
    "Go on with the same command and --resume.",
  );
}
