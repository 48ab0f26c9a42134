/** The config of a run: every section, from the room it belongs to, and what is checked between them. */

import { z } from "zod";

import type { Declaration } from "../config/declaration.ts";
import { loadConfig, parseConfig } from "../config/load-config.ts";
import { DataSettings } from "../data/data-settings.ts";
import { cardOf, DATASETS } from "../data/open-dataset.ts";
import { EngineSettings } from "../engine/open-engine-host.ts";
import { OptimizerSettings } from "../engine/optimizer-settings.ts";
import { EvaluationSettings } from "../evaluate/evaluation-settings.ts";
import { isHubAddress } from "../hub/hub-address.ts";
import { LoggingSettings } from "../logging/open-logger.ts";
import { PolicySettings } from "../policy/policy-settings.ts";
import { TokenizerSettings } from "../tokens/tokenizer-settings.ts";
import { GrpoSettings } from "../train/grpo-settings.ts";
import { RewardList } from "../rewards/open-reward.ts";
import { SftSettings } from "../train/sft-settings.ts";
import { crossFaults } from "./cross-checks.ts";

/** One plain part of a path, on every system: it is the name of a folder that is made, and at times deleted. */
const RunName = z
  .string()
  .min(1)
  .max(100)
  .regex(
    /^\w[\w.-]*(?<!\.)$/,
    "must be letters, digits, dots, dashes and underscores, with neither dot nor dash at the start and no dot at the end",
  )
  .refine(
    (name) => !/^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i.test(name),
    "must be a name that Windows does not keep for devices",
  );

export const RunConfig = z.strictObject({
  name: RunName.describe("Folder under runs/."),
  seed: z.int().min(0).default(0).describe("Everything random in the run comes from it."),
  algorithm: z
    .enum(["sft", "grpo", "sft-grpo"])
    .describe("What trains the policy; sft-grpo goes on from the best SFT checkpoint in the same run."),
  data: DataSettings,
  policy: PolicySettings.prefault({}),
  tokenizer: TokenizerSettings.prefault({}),
  engine: EngineSettings.prefault({}),
  optimizer: OptimizerSettings.prefault({}),
  rewards: RewardList.prefault([{ kind: "reference", weight: 1 }]).describe(
    "What completions are scored by: the weighted sum of these.",
  ),
  sft: SftSettings.prefault({}),
  grpo: GrpoSettings.prefault({}),
  evaluation: EvaluationSettings.prefault({}),
  logging: LoggingSettings,
});

export type RunConfig = z.infer<typeof RunConfig>;

export const RUN_CONFIG: Declaration<RunConfig> = {
  title: "earl run configuration",
  schema: RunConfig,
  crossFaults,
  expand: withNamedData,
  standIns: { name: "run", algorithm: "sft", data: { directory: "." } },
};

/** `data: hf://owner/name` is short for that directory, of the kind whose home it is. */
function withNamedData(raw: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { data } = raw;
  return typeof data === "string" && isHubAddress(data) ? { ...raw, data: hubData(data) } : raw;
}

/** What a dataset's address on the hub stands for: a kind where it is some kind's home, else somebody's own pairs. */
export function hubData(address: string): {
  readonly kind: keyof typeof DATASETS;
  readonly directory: string;
} {
  const home = /^hf:\/\/(?:datasets\/)?([^/@]+\/[^/@]+)/.exec(address)?.[1];
  const kinds = Object.keys(DATASETS) as (keyof typeof DATASETS)[];
  return { kind: kinds.find((one) => cardOf(one)?.hub === home) ?? "folder", directory: address };
}

/** As `loadConfig`, for the config of a run. */
export function loadRunConfig(file: string, overrides: readonly string[] = []): RunConfig {
  return loadConfig(RUN_CONFIG, file, overrides);
}

/** As `parseConfig`, for the config of a run. */
export function parseRunConfig(text: string, file: string, overrides: readonly string[] = []): RunConfig {
  return parseConfig(RUN_CONFIG, text, file, overrides);
}
