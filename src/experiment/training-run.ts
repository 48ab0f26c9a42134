/** A whole run from its config: data → policy → stages → benchmarks. `earl train` and `earl demo` are both this function. */

import { existsSync } from "node:fs";
import { join } from "node:path";

import type { DataSettings } from "../data/data-settings.ts";
import { datasetFingerprint } from "../data/fingerprint.ts";
import { firstEdits, type PreparedEdit } from "../edits/prepared-edit.ts";
import { openEngineHost } from "../engine/open-engine-host.ts";
import { Interrupted } from "../errors.ts";
import { instrumentsOf } from "../evaluate/open-benchmark.ts";
import { openInstruments } from "../evaluate/open-instruments.ts";
import { leftOutNotices } from "../evaluate/own-measures.ts";
import { outageLines } from "../judge/outage.ts";
import { openLoggers } from "../logging/open-logger.ts";
import type { RunLogger } from "../logging/run-logger.ts";
import { openRewards } from "../rewards/open-reward.ts";
import { verifyCheckpoint } from "../runs/checkpoint-state.ts";
import type { Clock } from "../runs/clock.ts";
import type { RunEvent } from "../runs/event.ts";
import { createManifest, readManifest } from "../runs/manifest.ts";
import { openRun } from "../runs/open-run.ts";
import { readJson, RunDirectory } from "../runs/run-directory.ts";
import { watchEvents } from "../runs/watch-events.ts";
import { refuseChangedData } from "./changed-data.ts";
import { trains } from "./cross-checks.ts";
import type { Phase } from "../train/phases.ts";
import { describeSetup } from "./experiment-setup.ts";
import { followData } from "./follow-data.ts";
import { fetchProgress, HubNames } from "./hub-names.ts";
import { JudgeLedger, pricesOf } from "./judge-ledger.ts";
import { policyNotices } from "./policy-notices.ts";
import { openingProgress, type Progress } from "./progress.ts";
import { evaluateArms } from "./run-benchmarks.ts";
import { RunConfig } from "./run-config.ts";
import { RunDatasets } from "./run-datasets.ts";
import { requireRunMemory, type DataSize } from "./run-memory.ts";
import { trainStages, type LiveRun } from "./run-stages.ts";
import { evaluatedOn, openRunWorld, type RunWorld } from "./run-world.ts";

export interface TrainingRequest {
  readonly config: RunConfig;
  readonly isResume: boolean;
  /** Aborted when the run should save and stop. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** The command as it was typed, for the manifest. */
  readonly commandLine: string;
  readonly progress: Progress;
  /** Hears every event of this sitting, read from the run's file. */
  readonly onEvent: (event: RunEvent) => void;
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
  await using host = await openEngineHost(config.engine, { logFile: join(directory.path, "engine.log") });
  using run = openRun({ directory, config, schema: RunConfig, isResume, clock });
  const { resumePoint } = run;
  if (resumePoint !== undefined) await verifyCheckpoint(resumePoint.checkpoint);
  const say = (notice: string): void => progress.say(notice);
  const ledger = new JudgeLedger(pricesOf(config.rewards));
  await using reward = await openRewards(config.rewards, {
    onJudgeCall: (name, call) => ledger.add(name, call),
    onOutage: outageLines(say, "It is asked again now and then."),
  });
  const earlier = existsSync(directory.manifest) ? readManifest(directory.manifest) : undefined;
  const names = new HubNames({ onProgress: fetchProgress(progress), signal, earlier: earlier?.hub });
  const datasets = new RunDatasets(config.data, say, {
    names,
    earlier: resumePoint === undefined ? [] : earlier?.rows,
    onProgress: openingProgress(progress),
  });
  await using instruments = await openInstruments(config.evaluation.instruments, {
    uses: instrumentsOf(evaluatedOn(config)),
    find: (name) => names.checkpoint(name),
    judge: { onOutage: outageLines(say, "Questions that it leaves open are counted in no figure.") },
    signal,
  });
  const saved = resumePoint?.checkpoint;
  const world = await openRunWorld({ host, config, datasets, reward, names, instruments, saved });
  progress.say(`Policy ${world.start.about}`);
  const sampled = trains(config, "grpo") ? config.grpo.maxTokens : 0;
  const first = await firstEdits(world.train[0]!.edits, 1);
  requireRunMemory(config, dataSize(world, first));
  for (const notice of policyNotices(world.start, first, sampled)) progress.say(notice);
  const benchmarks = world.benchmarks.map(({ benchmark }) => benchmark);
  for (const notice of leftOutNotices(benchmarks, (kind) => `evaluation.instruments.${kind}`)) say(notice);
  const data = await datasetFingerprint(datasets.opened);
  if (earlier !== undefined) refuseChangedData(directory, earlier.data, data);
  const from = run.begin(
    createManifest(
      {
        name: config.name,
        command: request.commandLine,
        setup: describeSetup(config, world.start.about),
        seeds: { run: config.seed },
        data,
        rows: datasets.records,
        datasets: datasets.descriptions,
        drawn: drawnBy(config),
        reward: reward.provenance ?? {},
        dataset: datasetRecord(config.data),
        device: host.device,
        ...(names.pinned.length > 0 && { hub: names.pinned }),
      },
      clock,
    ),
  );
  try {
    const loggers = openLoggers(config.logging, { folder: directory.logs, images: directory.images });
    await using _ = watchEvents(directory.events, { from }, [request.onEvent, ...loggers.map(listenerOf)]);
    const followed = followData(run, datasets, { earlier: earlier?.data ?? [], now: data }, say);
    await trainAndEvaluate({ ...request, host, world, reward, run, ledger }, followed);
  } catch (error) {
    run.discard();
    // What was stopped in the middle of something rejects with the signal's reason; the last whole step is saved.
    throw signal.aborted && error === signal.reason ? interrupted(config, directory) : error;
  }
}

const listenerOf =
  (logger: RunLogger) =>
  (event: RunEvent): void =>
    logger.event(event);

async function trainAndEvaluate(live: LiveRun, followed: Disposable): Promise<void> {
  using _ = followed;
  const { config, run, world, signal } = live;
  const arms = await trainStages(live);
  if (arms === "interrupted" || signal.aborted) throw interrupted(config, run.directory);
  for (const opened of world.benchmarks) await evaluateArms(live, opened, arms);
  run.recorder.record({ kind: "run-end" });
}

function dataSize(
  { train, rlTrain, validation, benchmarks }: RunWorld,
  [edit]: readonly PreparedEdit[],
): DataSize {
  const most = (phases: readonly Phase[]): number => Math.max(...phases.map(({ edits }) => edits.count));
  const test = Math.max(0, ...benchmarks.map(({ edits }) => edits.count));
  return {
    pictureBytes: edit?.source.pixels.length ?? 0,
    counts: { train: most(train), rlTrain: most(rlTrain), validation: validation.count, test },
  };
}

/** Steps times edits a step, of each stage. */
function drawnBy(config: RunConfig): Record<string, number> {
  const { sft, grpo } = config;
  return {
    ...(trains(config, "sft") && { sft: sft.steps * sft.batchSize }),
    ...(trains(config, "grpo") && { grpo: grpo.steps * grpo.prompts }),
  };
}

function datasetRecord(data: DataSettings): unknown {
  if (!("directory" in data)) return undefined;
  const path = join(data.directory, "dataset.json");
  return existsSync(path) ? readJson(path) : undefined;
}

function interrupted(config: RunConfig, directory: RunDirectory): Interrupted {
  return new Interrupted(
    `Stopped. The run ${config.name} is saved in ${directory.path}.`,
    "Go on with the same command and --resume.",
  );
}
