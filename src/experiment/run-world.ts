/** What a run works with, made once before its first step: the policy it starts from, its edits, its benchmarks. */

import type { EditDataset } from "../data/edit-dataset.ts";
import type { PreparedEdits } from "../edits/prepared-edit.ts";
import type { EngineHost } from "../engine/engine-host.ts";
import type { Benchmark, Instruments } from "../evaluate/benchmark.ts";
import { openBenchmark, type BenchmarkChoice } from "../evaluate/open-benchmark.ts";
import { requireNeeds } from "../rewards/require-needs.ts";
import type { Reward } from "../rewards/reward.ts";
import type { EditSlice } from "../train/validation-reward.ts";
import { nameOf } from "../config/named-list.ts";
import type { Phase } from "../train/phases.ts";
import { trains } from "./cross-checks.ts";
import type { OpenPolicy } from "./open-policy.ts";
import type { RunConfig } from "./run-config.ts";
import type { RunDatasets } from "./run-datasets.ts";
import { HubNames } from "./hub-names.ts";
import { openPhases, rlSettings, type OpenPhase } from "./stage-datasets.ts";
import { requireOwnCodes } from "./own-codes.ts";
import { startPolicy } from "./start-policy.ts";

export interface RunWorld {
  readonly start: OpenPolicy;
  /** What supervised fine-tuning is shown. */
  readonly train: readonly Phase[];
  /** What the GRPO stage takes prompts and targets from. */
  readonly rlTrain: readonly Phase[];
  readonly validation: PreparedEdits;
  /** What policies are compared on at the end; none where nothing is evaluated. */
  readonly benchmarks: readonly OpenedBenchmark[];
  /** What GRPO stops on, where that is a benchmark. */
  readonly slice?: EditSlice;
}

/** A benchmark with its edits. */
export interface OpenedBenchmark {
  readonly benchmark: Benchmark;
  readonly edits: PreparedEdits;
}

/** What a world is made of. */
interface RunWorldRequest {
  readonly host: EngineHost;
  readonly config: RunConfig;
  readonly datasets: RunDatasets;
  readonly reward: Reward;
  /** The checkpoint that a run goes on from. */
  readonly saved: string | undefined;
  /** What benchmarks measure with. */
  readonly instruments?: Instruments;
  /** Finds what is named on the hub. */
  readonly names?: HubNames;
}

/** Throws where data lacks what the reward needs, or the host cannot hold the policy: before anything is trained. */
export async function openRunWorld({
  host,
  config,
  datasets,
  reward,
  saved,
  names = new HubNames(),
  instruments,
}: RunWorldRequest): Promise<RunWorld> {
  const { thoughts } = config.data;
  const train = await datasets.open("train");
  const sftData = await openPhases(datasets, config.sft.data, config.data);
  const rlData = await openPhases(datasets, config.grpo.data, rlSettings(config.data));
  const validation = await datasets.open("validation");
  if (trains(config, "grpo")) {
    for (const dataset of [...rlData.map((one) => one.dataset), validation])
      await requireNeeds(reward, dataset);
  }
  const start = await startPolicy(host, config, { train, saved, names });
  const { tokens, vision, grammar } = start;
  await requireOwnCodes(datasets.opened, vision);
  const prepare = (dataset: EditDataset): PreparedEdits =>
    datasets.prepare(dataset, { tokens, vision, grammar, thoughts });
  const opened: OpenedBenchmark[] = [];
  const judged = async (dataset: EditDataset): Promise<PreparedEdits> => {
    await requireNeeds(reward, dataset);
    return prepare(dataset);
  };
  const stopOn = stopsOn(config);
  const sliced = config.evaluation.benchmarks.filter((one) => nameOf(one) === stopOn?.benchmark);
  for (const choice of new Set([...evaluatedOn(config), ...sliced])) {
    const benchmark = openBenchmark(await names.dataset(choice), {
      edits: async (split) => judged(await datasets.open(split)),
      prepare: judged,
      reward,
      ...(instruments !== undefined && { instruments }),
    });
    opened.push({ benchmark, edits: await benchmark.open() });
  }
  const chosen = opened.find(({ benchmark }) => benchmark.name === stopOn?.benchmark);
  const phases = (data: readonly OpenPhase[]): Phase[] =>
    data.map(({ dataset, steps }) => ({ edits: prepare(dataset), steps }));
  return {
    start,
    train: phases(sftData),
    rlTrain: phases(rlData),
    validation: prepare(validation),
    benchmarks: opened.slice(0, evaluatedOn(config).length),
    ...(stopOn &&
      chosen && { slice: { name: chosen.benchmark.name, edits: chosen.edits, size: stopOn.size } }),
  };
}

/** The benchmark whose slice ends the GRPO stage, where there are both. */
function stopsOn(config: RunConfig): RunConfig["grpo"]["stopOn"] {
  return trains(config, "grpo") ? config.grpo.stopOn : undefined;
}

/** The benchmarks that end the run; none where no edit is scored. */
export function evaluatedOn({ evaluation }: Pick<RunConfig, "evaluation">): readonly BenchmarkChoice[] {
  return evaluation.size === 0 ? [] : evaluation.benchmarks;
}
