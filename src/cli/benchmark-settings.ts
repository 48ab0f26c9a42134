/** Settings of `earl benchmark` from a file, `--set` and the short flags; and the judge and instruments they name. */

import { BENCHMARK_DECLARATION, type BenchmarkSettings } from "../benchmark/benchmark-settings.ts";
import { chooseBenchmark, type ChosenBenchmark } from "../benchmark/chosen-benchmarks.ts";
import { parseConfig } from "../config/load-config.ts";
import { readTextFile } from "../config/read-yaml.ts";
import { ConfigError } from "../errors.ts";
import type { BenchmarkChoice } from "../evaluate/open-benchmark.ts";
import { instrumentsOf } from "../evaluate/open-benchmark.ts";
import { openInstruments } from "../evaluate/open-instruments.ts";
import { leftOutNotices } from "../evaluate/own-measures.ts";
import type { HubNames } from "../experiment/hub-names.ts";
import type { RunDatasets } from "../experiment/run-datasets.ts";
import { outageLines } from "../judge/outage.ts";
import { openRewards } from "../rewards/open-reward.ts";
import type { Reward } from "../rewards/reward.ts";
import { guardAgainstOutage } from "./judge-outage.ts";
import { judgeSettings } from "./judge-flags.ts";
import type { Progress } from "./progress.ts";

export interface ScoringFlags {
  readonly url: readonly string[];
  readonly model?: string;
  readonly config?: string;
  readonly set: readonly string[];
  readonly partial?: true;
  readonly size?: number;
}

/** Throws ConfigError that lists every fault. */
export async function benchmarkSettings(
  flags: ScoringFlags,
  overrides: readonly string[],
  signal: AbortSignal,
): Promise<BenchmarkSettings> {
  const text = flags.config === undefined ? "{}" : readTextFile(flags.config);
  if (flags.model !== undefined && flags.url.length === 0) {
    throw new ConfigError("--model names a judge's model, and no judge is named.", {
      hint: "Give its address: --url http://localhost:8000/v1.",
    });
  }
  const judge = flags.url.length === 0 ? [] : await judgeOverrides(flags, signal);
  const size = flags.size === undefined ? [] : [`size=${flags.size}`];
  return parseConfig(BENCHMARK_DECLARATION, text, flags.config ?? "the settings", [
    ...judge,
    ...size,
    ...overrides,
    ...flags.set,
  ]);
}

async function judgeOverrides(
  { url: urls, model, set }: ScoringFlags,
  signal: AbortSignal,
): Promise<string[]> {
  const isNamed = set.some((word) => word.startsWith("rewards.0.model="));
  const asked =
    model === undefined && !isNamed ? (await judgeSettings({ url: urls, set: [] }, signal)).model : model;
  return [
    "rewards.0.kind=viescore",
    ...(asked === undefined ? [] : [`rewards.0.model=${asked}`]),
    ...urls.map((url, index) => `rewards.0.endpoints.${index}.url=${url}`),
  ];
}

export interface OpenedScoring extends AsyncDisposable {
  /** The settings' judge, where they name one. */
  readonly reward: Reward | undefined;
  readonly benchmarks: readonly ChosenBenchmark[];
  /** Aborted when somebody stops the command, or a judge stays away. */
  readonly signal: AbortSignal;
}

export interface ScoringRequest {
  readonly settings: BenchmarkSettings;
  readonly choices: readonly BenchmarkChoice[];
  readonly names: HubNames;
  readonly heldOut: RunDatasets | undefined;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** What to do when a judge stays away. */
  readonly hint: string;
}

/** The judge, what measures are taken with, and the benchmarks that they belong to. */
export async function openScoring(request: ScoringRequest): Promise<OpenedScoring> {
  const { settings, choices, names, heldOut, progress, hint } = request;
  const say = (line: string): void => progress.say(line);
  const patience = patienceOf(settings.rewards ?? []);
  const guard =
    patience === undefined ? undefined : guardAgainstOutage(patience, { say, signal: request.signal, hint });
  const { signal } = guard ?? request;
  const onOutage = guard?.onOutage ?? outageLines(say, "It is asked again now and then.");
  const owned: AsyncDisposable[] = [];
  const close = async (): Promise<void> => {
    guard?.[Symbol.dispose]();
    await Promise.all(owned.map((one) => one[Symbol.asyncDispose]()));
  };
  try {
    const reward =
      settings.rewards === undefined ? undefined : await openRewards(settings.rewards, { onOutage });
    if (reward !== undefined) owned.push(reward);
    const instruments = await openInstruments(settings.instruments, {
      uses: instrumentsOf(choices),
      find: (name) => names.checkpoint(name),
      judge: { onOutage: outageLines(say, "Questions that it leaves open are counted in no figure.") },
      signal,
    });
    owned.push(instruments);
    const benchmarks = choices.map((choice) => chooseBenchmark(choice, { instruments, names, heldOut }));
    for (const notice of leftOutNotices(benchmarks, (kind) => `instruments.${kind}`)) progress.say(notice);
    return { reward, benchmarks, signal, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Patience = Parameters<typeof guardAgainstOutage>[0];

/** How long the first judge among the rewards is waited for. */
function patienceOf(rewards: unknown): Patience | undefined {
  if (typeof rewards !== "object" || rewards === null) return undefined;
  if (["callSeconds", "totalSeconds", "endpoints"].every((key) => key in rewards)) return rewards as Patience;
  for (const value of Object.values(rewards)) {
    const found = patienceOf(value);
    if (found !== undefined) return found;
  }
  return undefined;
}
