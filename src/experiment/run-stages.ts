/** The stages of a run, one after the other, and the policies that come of them. */

import { join } from "node:path";

import type { EngineHost } from "../engine/engine-host.ts";
import type { PolicyArm } from "../evaluate/evaluate-benchmark.ts";
import type { Reward } from "../rewards/reward.ts";
import type { Clock } from "../runs/clock.ts";
import { STAGES, type Stage } from "../runs/event.ts";
import { nowAndThen } from "../runs/now-and-then.ts";
import type { OpenRun } from "../runs/open-run.ts";
import { grpo } from "../train/grpo.ts";
import { sft } from "../train/sft.ts";
import type { StageResult, StageRun } from "../train/stage.ts";
import { trains } from "./cross-checks.ts";
import type { JudgeLedger } from "./judge-ledger.ts";
import { openEngine } from "./open-engine.ts";
import { openPolicy, type OpenPolicy } from "./open-policy.ts";
import type { RunConfig } from "./run-config.ts";
import type { RunWorld } from "./run-world.ts";

/** A run that is going on. */
export interface LiveRun {
  readonly config: RunConfig;
  readonly host: EngineHost;
  readonly world: RunWorld;
  readonly reward: Reward;
  readonly ledger: JudgeLedger;
  readonly run: OpenRun;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Runs the stages that the config asks for and that are not behind; returns the policies to compare. */
export async function trainStages(live: LiveRun): Promise<PolicyArm[] | "interrupted"> {
  const { config, run } = live;
  const arms: PolicyArm[] = [];
  if (config.algorithm === "grpo")
    arms.push(armOf(live, { name: "start", role: "policy" }, live.world.start));
  for (const stage of STAGES) {
    if (!trains(config, stage)) continue;
    const isBehind = stage === "sft" && run.resumePoint?.stage === "grpo";
    if (!isBehind) {
      const { reason } = await trainStage(live, stage);
      if (reason === "interrupted") return "interrupted";
    }
    const name = stage === "sft" ? "SFT" : `${config.algorithm === "grpo" ? "start" : "SFT"} → RL`;
    const role = stage === "sft" ? "policy" : "rl";
    arms.push(armOf(live, { name, role }, await bestOf(live, stage)));
  }
  return arms;
}

async function trainStage(live: LiveRun, stage: Stage): Promise<StageResult> {
  const { config, world, reward, run, signal, clock } = live;
  const { start, train, rlTrain, validation, slice } = world;
  // Each stage begins with fresh optimizer state: what Adam remembers of one loss says little about another.
  const origin = stage === "grpo" && config.algorithm === "sft-grpo" ? await bestOf(live, "sft") : start;
  await using engine = await openEngine(live.host, origin, {
    optimizer: config.optimizer,
    purpose: "training",
    keepsReference: stage === "grpo" && config.grpo.loss.klCoef > 0,
    onLoad: nowAndThen(clock, (read, total) => {
      run.recorder.record({ kind: "weights-progress", read, total });
    }),
  });
  const stageRun: StageRun = {
    recorder: run.recorder,
    clock,
    seed: config.seed,
    signal,
    takeFigures: () => live.ledger.take(),
    ...(run.resumePoint?.stage === stage ? { resume: run.resumePoint } : {}),
  };
  const { tokens, vision } = start;
  return stage === "sft"
    ? await sft({ engine, train, validation }, config.sft, stageRun)
    : await grpo(
        { engine, vision, tokens, reward, train: rlTrain, validation, ...(slice && { slice }) },
        config.grpo,
        stageRun,
      );
}

/** The best checkpoint of a stage that is done; the policy it started from where it made no checkpoint. */
async function bestOf({ config, host, run, world }: LiveRun, stage: Stage): Promise<OpenPolicy> {
  const name = run.recorder.best[stage];
  if (name === undefined) return world.start;
  const { freeGridText } = config.policy;
  return openPolicy(host, join(run.directory.checkpoints, name), { freeGridText });
}

function armOf(
  { config, host }: LiveRun,
  arm: Pick<PolicyArm, "name" | "role">,
  policy: OpenPolicy,
): PolicyArm {
  const { optimizer } = config;
  return { ...arm, open: () => openEngine(host, policy, { optimizer, purpose: "inference" }) };
}
