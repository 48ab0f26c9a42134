/**
 * A whole run from its config: data → policy → stages → held-out evaluation → report. `earl train` and `earl demo` are
 * both this function.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";

import { openEditDataset } from "../data/omniedit.ts";
import { datasetFingerprint } from "../data/split-files.ts";
import { openRewards } from "../rewards/open-reward.ts";
import type { Reward } from "../rewards/reward.ts";
import { prepareEdits } from "../edits/prepare-edits.ts";
import { firstEdits, type PreparedEdits } from "../edits/prepared-edit.ts";
import { Interrupted } from "../errors.ts";
import type { OnLoad } from "../engine/policy-engine.ts";
import type { Clock } from "../runs/clock.ts";
import { STAGES, type RunEvent, type Stage } from "../runs/event.ts";
import { createManifest } from "../runs/manifest.ts";
import { openRun, refuseTaken, type OpenRun } from "../runs/open-run.ts";
import { readJson, RunDirectory } from "../runs/run-directory.ts";
import { requireDevice } from "../tensor/find-device.ts";
import { grpo } from "../train/grpo.ts";
import { sft } from "../train/sft.ts";
import type { StageResult, StageRun } from "../train/stage.ts";
import { trains } from "./cross-checks.ts";
import { describeSetup } from "./experiment-setup.ts";
import { evaluateHeldOut, recordHeldOut, type PolicyArm } from "./held-out.ts";
import { openEngine, openPolicy, startPolicy, type PolicyStart } from "./policy-start.ts";
import { policyNotices } from "./policy-notices.ts";
import type { Progress } from "./progress.ts";
import type { RunConfig } from "./run-config.ts";

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

/** What the stages work with, made before the run's folder is. */
interface Material {
  readonly start: PolicyStart;
  readonly train: PreparedEdits;
  /** What the GRPO stage takes prompts and targets from. */
  readonly rlTrain: PreparedEdits;
  readonly validation: PreparedEdits;
  /** Absent where nothing is evaluated at the end. */
  readonly heldOut: PreparedEdits | undefined;
}

export function runDirectoryOf(config: RunConfig): RunDirectory {
  return new RunDirectory(join("runs", config.name));
}

/**
 * Trains and evaluates. Nothing is left behind when it fails before the first step. Throws Interrupted when the signal
 * stopped it; the run can then be resumed.
 */
export async function trainingRun(request: TrainingRequest): Promise<void> {
  const { config, isResume, signal, clock, progress } = request;
  const directory = runDirectoryOf(config);
  if (!isResume) refuseTaken(directory);
  await requireDevice(config.engine.device);
  await using reward = await openRewards(config.rewards);
  const material = await gather(config);
  progress.say(`Policy ${material.start.about}`);
  const sampled = trains(config, "grpo") ? config.grpo.maxTokens : 0;
  const first = await firstEdits(material.train, 1);
  for (const notice of policyNotices(material.start, first, sampled)) progress.say(notice);

  const manifest = createManifest(
    {
      name: config.name,
      command: request.commandLine,
      setup: describeSetup(config, material.start.about),
      seeds: { run: config.seed },
      data: (await Promise.all(dataFolders(config).map(datasetFingerprint))).flat(),
      dataset: datasetRecord(config.data.directory),
      device: config.engine.device,
    },
    clock,
  );
  using run = openRun({ directory, config, manifest, isResume, clock });
  let isBegun = run.resumePoint !== undefined;
  run.recorder.subscribe(() => {
    isBegun = true;
  });
  run.recorder.subscribe(request.onEvent);
  try {
    const parts = { ...request, material, reward, run };
    const arms = await trainStages(parts);
    if (arms === "interrupted" || signal.aborted) throw interrupted(config, directory);
    if (material.heldOut !== undefined) await evaluateArms(parts, material.heldOut, arms);
    run.recorder.record({ kind: "run-end" });
  } catch (error) {
    if (!isBegun) run.discard();
    throw error;
  }
}

/** Scores the arms on held-out edits and records how they did. Throws Interrupted when the signal stopped it. */
async function evaluateArms(
  { config, material, run, signal, progress }: StageParts,
  heldOut: PreparedEdits,
  arms: readonly PolicyArm[],
): Promise<void> {
  const advance = (done: number): void => {
    if (signal.aborted) throw interrupted(config, run.directory);
    progress.advance(done);
  };
  const { size, comparisons } = config.evaluation;
  progress.start("Held-out edits", Math.min(size, heldOut.count));
  const edits = await firstEdits(heldOut, size, advance);
  progress.start("Held-out evaluation", arms.length * 2);
  const results = await evaluateHeldOut({
    policy: material.start,
    edits,
    arms,
    maxTokens: config.grpo.maxTokens,
    seed: config.seed,
    onDone: advance,
  });
  progress.finish(`${edits.length} edits`);
  recordHeldOut(run.recorder, results, comparisons);
}

async function gather(config: RunConfig): Promise<Material> {
  const { directory, rlDirectory, thoughts } = config.data;
  const train = await openEditDataset(directory, "train");
  const rlTrain = rlDirectory === undefined ? train : await openEditDataset(rlDirectory, "train");
  const validation = await openEditDataset(directory, "validation");
  const test = config.evaluation.size === 0 ? undefined : await openEditDataset(directory, "test");
  const start = await startPolicy(config, train);
  const { tokens, vision, grammar } = start;
  const parts = { tokens, vision, grammar, thoughts };
  return {
    start,
    train: prepareEdits(train, parts),
    rlTrain: prepareEdits(rlTrain, parts),
    validation: prepareEdits(validation, parts),
    heldOut: test === undefined ? undefined : prepareEdits(test, parts),
  };
}

/** Every folder the run reads. */
function dataFolders({ data }: RunConfig): string[] {
  return data.rlDirectory === undefined ? [data.directory] : [data.directory, data.rlDirectory];
}

function datasetRecord(directory: string): unknown {
  const path = join(directory, "dataset.json");
  return existsSync(path) ? readJson(path) : undefined;
}

interface StageParts extends TrainingRequest {
  readonly material: Material;
  readonly reward: Reward;
  readonly run: OpenRun;
}

/** Runs the stages that the config asks for and that are not behind; returns the policies to compare. */
async function trainStages(parts: StageParts): Promise<PolicyArm[] | "interrupted"> {
  const { config, run } = parts;
  const arms: PolicyArm[] = [];
  if (config.algorithm === "grpo") arms.push(armOf(parts, "start", parts.material.start));
  for (const stage of STAGES) {
    if (!trains(config, stage)) continue;
    const isBehind = stage === "sft" && run.resumePoint?.stage === "grpo";
    if (!isBehind) {
      const { reason } = await trainStage(parts, stage);
      if (reason === "interrupted") return "interrupted";
    }
    const name = stage === "sft" ? "SFT" : `${config.algorithm === "grpo" ? "start" : "SFT"} → RL`;
    arms.push(armOf(parts, name, await bestOf(parts, stage)));
  }
  return arms;
}

async function trainStage(parts: StageParts, stage: Stage): Promise<StageResult> {
  const { config, material, reward, run, signal, clock } = parts;
  const { start, train, rlTrain, validation } = material;
  // Each stage begins with fresh optimizer state: what Adam remembers of one loss says little about another.
  const origin = stage === "grpo" && config.algorithm === "sft-grpo" ? await bestOf(parts, "sft") : start;
  await using engine = await openEngine(origin, config, {
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
async function bestOf({ config, run, material }: StageParts, stage: Stage): Promise<PolicyStart> {
  const name = run.recorder.best[stage];
  if (name === undefined) return material.start;
  const { freeGridText } = config.policy;
  return openPolicy(join(run.directory.checkpoints, name), { freeGridText });
}

function armOf({ config }: StageParts, name: string, policy: PolicyStart): PolicyArm {
  return { name, open: async () => openEngine(policy, config, { purpose: "inference" }) };
}

function interrupted(config: RunConfig, directory: RunDirectory): Interrupted {
  return new Interrupted(
    `Stopped. The run ${config.name} is saved in ${directory.path}.`,
    "Go on with the same command and --resume.",
  );
}
