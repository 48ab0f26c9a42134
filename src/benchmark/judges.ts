/** Who judges a benchmark's edits, and what tells that judge's verdicts from another's. */

import { ConfigError } from "../errors.ts";
import { judgedAtOf, type BenchmarkSettings } from "./benchmark-settings.ts";
import type { BenchmarkInputs } from "./benchmark-inputs.ts";
import { meaningOf, settingsHash } from "./score-files.ts";
import { referenceReward } from "../rewards/reference.ts";
import type { Reward } from "../rewards/reward.ts";

export interface Judge {
  readonly reward: Reward;
  /** Stands for everything that changes what it says. */
  readonly hash: string;
  /** As tables name it: "viescore by Qwen2.5-VL". */
  readonly title: string;
}

export type Rewards = NonNullable<BenchmarkSettings["rewards"]>;

/** The judge that the settings name, else of `held-out` the reward `reference`, else nobody. */
export function judgeOf(
  kind: string | undefined,
  { rewards, judgedAt }: Pick<BenchmarkSettings, "rewards" | "judgedAt">,
  opened: Reward | undefined,
): Judge | undefined {
  if (rewards !== undefined && opened !== undefined) {
    const at = judgedAtOf(kind ?? "", judgedAt);
    const said = Object.entries(opened.provenance ?? {}).filter(([key]) => key !== "prompts");
    const hash = settingsHash([meaningOf(rewards), at, said]);
    return { reward: opened, hash, title: rewards.map(titleOf).join(" + ") };
  }
  if (kind !== "held-out") return undefined;
  const hash = settingsHash(["reference", judgedAtOf(kind, judgedAt)]);
  return { reward: referenceReward, hash, title: "reference" };
}

function titleOf(choice: Rewards[number]): string {
  return "model" in choice && typeof choice.model === "string"
    ? `${choice.kind} by ${choice.model}`
    : choice.kind;
}

/** Throws ConfigError where the judge needs what no edit of the benchmark has. */
export function requireNeeded({ reward }: Judge, { about, items }: BenchmarkInputs): void {
  const missing = reward.needs.find((need) => items.every((item) => item[need] === undefined));
  if (missing === undefined) return;
  throw new ConfigError(
    `The reward "${reward.name}" needs a ${missing} for every edit, and ${about.name} has none.`,
    {
      hint: "Choose another judge, or leave this benchmark out.",
    },
  );
}

/** Stands for what measures are taken with. */
export function instrumentsHash(instruments: BenchmarkSettings["instruments"]): string {
  return settingsHash(["instruments", meaningOf(instruments)]);
}

/** Edits in work at once: one for each slot of each server, and some whose pictures are read meanwhile. */
export function editsAtOnce(rewards: Rewards | undefined): number {
  const slots = slotsIn(rewards ?? []);
  return Math.max(8, slots + Math.ceil(slots / 4));
}

function slotsIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const own = "concurrency" in value && typeof value.concurrency === "number" ? value.concurrency : 0;
  return own + Object.values(value).reduce((sum: number, part) => sum + slotsIn(part), 0);
}
