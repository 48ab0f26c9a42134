/** Trains one arm from given weights, keeps the last weights (no selection), and counts what it cost. */

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { openEngine } from "../../src/experiment/open-engine.ts";
import { openPolicy, type OpenPolicy } from "../../src/experiment/open-policy.ts";
import { formatDuration } from "../../src/format.ts";
import type { RunConfig } from "../../src/experiment/run-config.ts";
import type { GrpoSettings } from "../../src/train/grpo-settings.ts";
import type { SftSettings } from "../../src/train/sft-settings.ts";
import type { EngineHost } from "../../src/engine/engine-host.ts";
import type { PolicyEngine } from "../../src/engine/policy-engine.ts";
import { referenceReward } from "../../src/rewards/reference.ts";
import type { PreparedEdits } from "../../src/edits/prepared-edit.ts";
import { systemClock } from "../../src/runs/clock.ts";
import type { UntimedEvent } from "../../src/runs/event.ts";
import { grpo } from "../../src/train/grpo.ts";
import { sft } from "../../src/train/sft.ts";
import type { StageRun } from "../../src/train/stage.ts";

export type ArmTraining =
  | { readonly kind: "sft"; readonly settings: SftSettings; readonly train: PreparedEdits }
  | { readonly kind: "grpo"; readonly settings: GrpoSettings; readonly train: PreparedEdits };

export interface ArmRequest {
  readonly host: EngineHost;
  /** Folder the arm's weights and cost are kept in; an arm that lies there already is not trained again. */
  readonly folder: string;
  readonly start: OpenPolicy;
  readonly config: RunConfig;
  readonly validation: PreparedEdits;
  readonly training: ArmTraining;
}

export interface TrainedArm {
  readonly policy: OpenPolicy;
  readonly steps: number;
  /** Matrix-product operations of training, rollouts included, evaluations not. */
  readonly flops: number;
  readonly seconds: number;
}

const COST = "cost.json";

export async function trainArm(request: ArmRequest): Promise<TrainedArm> {
  const { host, folder, start, config, training } = request;
  if (!existsSync(join(folder, COST))) {
    const begun = performance.now();
    await using engine = await openEngine(host, start, {
      optimizer: config.optimizer,
      purpose: "training",
      keepsReference: training.kind === "grpo" && training.settings.loss.klCoef > 0,
    });
    const watch = watchStage(folder, training.settings.steps);
    await runStage(engine, request, watch.run);
    const seconds = (performance.now() - begun) / 1000;
    // Whole or not at all: an interrupted arm is trained again.
    mkdirSync(`${folder}.partial`, { recursive: true });
    await engine.save(`${folder}.partial`);
    writeFileSync(join(`${folder}.partial`, COST), JSON.stringify({ ...watch.cost(), seconds }));
    renameSync(`${folder}.partial`, folder);
  }
  const cost = JSON.parse(readFileSync(join(folder, COST), "utf8")) as Omit<TrainedArm, "policy">;
  return { ...cost, policy: await openPolicy(host, folder) };
}

async function runStage(
  engine: PolicyEngine,
  request: ArmRequest,
  run: Pick<StageRun, "recorder">,
): Promise<void> {
  const { start, config, validation, training } = request;
  const { tokens, vision } = start;
  const stageRun = { ...run, clock: systemClock, seed: config.seed };
  if (training.kind === "sft") {
    await sft({ engine, train: training.train, validation }, training.settings, stageRun);
    return;
  }
  const parts = {
    engine,
    tokens,
    vision,
    reward: referenceReward,
    train: training.train,
    validation,
  };
  await grpo(parts, training.settings, stageRun);
}

interface StageWatch {
  readonly run: Pick<StageRun, "recorder">;
  readonly cost: () => { readonly steps: number; readonly flops: number };
}

/** Keeps count of a stage and tells stderr now and then how it goes; pictures and checkpoints are not kept. */
function watchStage(name: string, steps: number): StageWatch {
  const begun = performance.now();
  let cost = { steps: 0, flops: 0 };
  const record = (event: UntimedEvent): void => {
    if (event.kind === "step-end") cost = { steps: event.step, flops: event.metrics.flops ?? 0 };
    if (event.kind !== "evaluation-end") return;
    const elapsed = (performance.now() - begun) / 1000;
    const left =
      event.step === 0 ? "" : `, ${formatDuration((elapsed / event.step) * (steps - event.step))} left`;
    const metrics = Object.entries(event.metrics).map(([key, value]) => `${key} ${value.toFixed(3)}`);
    process.stderr.write(`${name}: step ${event.step} of ${steps}${left}; ${metrics.join(", ")}\n`);
  };
  return {
    run: {
      recorder: { record, saveImage: () => "", saveCheckpoint: async () => "", settled: async () => {} },
    },
    cost: () => cost,
  };
}
