/**
 * What `import { … } from "earl"` gives: the pieces that a loop, a reward or a look at a run of one's own is made of.
 * docs/library.md describes them. Everything else may change from version to version.
 */

// Training: the two loops, and what they are made of.
export { grpo, type GrpoWorld } from "./train/grpo.ts";
export { GrpoSettings } from "./train/grpo-settings.ts";
export { sft, type SftWorld } from "./train/sft.ts";
export { SftSettings } from "./train/sft-settings.ts";
export { Stage, type StagePlan, type StageResult, type StageRun, type Step } from "./train/stage.ts";
export { groupSource, sampleGroups, type GroupSource, type SampledGroups } from "./train/sample-groups.ts";
export { lossPlan, trainingGroups, withReference, type LossPlan } from "./train/training-groups.ts";
export { rewardsOf, type ScoredCompletion, type ScoredGroup } from "./rollout/scored-group.ts";
export { groupAdvantages, type AdvantageScale } from "./algorithms/advantages.ts";
export { tokenWeights, type Aggregation } from "./algorithms/aggregation.ts";
export { SFT_LOSS, type LossSpec, type Surrogate } from "./algorithms/losses.ts";

// Rewards: what a picture is scored by.
export { openRewards, RewardList } from "./rewards/open-reward.ts";
export type { DecodedEdit, EditNeed, Reward, ScoreOptions } from "./rewards/reward.ts";
export type { JudgeVerdict, Verdict } from "./judge/verdict.ts";
export type { Picture } from "./images/picture.ts";

// Data: examples, and examples made ready for a policy.
export { openDataset, type DatasetSettings, type OpenDataset } from "./data/open-dataset.ts";
export type { DatasetSplit, EditDataset, EditExample } from "./data/edit-dataset.ts";
export { datasetFingerprint } from "./data/fingerprint.ts";
export { prepareEdits } from "./edits/prepare-edits.ts";
export { firstEdits, type PreparedEdit, type PreparedEdits } from "./edits/prepared-edit.ts";

// Engines and policies: where tensors live, and what is trained there.
export { EngineSettings, openEngineHost } from "./engine/open-engine-host.ts";
export { OptimizerSettings } from "./engine/optimizer-settings.ts";
export type { EngineHost } from "./engine/engine-host.ts";
export type {
  Completion,
  PolicyEngine,
  Sampling,
  StepMetrics,
  TrainingCompletion,
  TrainingGroup,
} from "./engine/policy-engine.ts";
export { openEngine } from "./experiment/open-engine.ts";
export { openPolicy, type OpenPolicy } from "./experiment/open-policy.ts";

// Runs: from a config to results, and what was left behind.
export { loadRunConfig, parseRunConfig, RunConfig } from "./experiment/run-config.ts";
export { trainingRun, type TrainingRequest } from "./experiment/training-run.ts";
export { openRun, type OpenRun } from "./runs/open-run.ts";
export { RunDirectory } from "./runs/run-directory.ts";
export { createManifest } from "./runs/manifest.ts";
export { resolveCheckpoint } from "./runs/checkpoint.ts";
export { readEvents } from "./runs/event-log.ts";
export { followEvents } from "./runs/follow-events.ts";
export { RunEvent } from "./runs/event.ts";
export { systemClock, type Clock } from "./runs/clock.ts";
export { writeReport } from "./report/write-report.ts";

// Errors: all of them say what to do next in `hint`.
export {
  AgreementError,
  CheckpointError,
  ConfigError,
  DataError,
  EarlError,
  EngineError,
  Interrupted,
  JudgeError,
  ShapeError,
} from "./errors.ts";
