/** Which judge a command asks: an address and a model, and any other setting of the reward `viescore`. */

import type { z } from "zod";

import type { Declaration } from "../config/declaration.ts";
import { parseConfig } from "../config/load-config.ts";
import { readTextFile } from "../config/read-yaml.ts";
import { ConfigError } from "../errors.ts";
import type { JudgeSettings } from "../judge/judge-settings.ts";
import { openJudgeModel } from "../judge/open-judge.ts";
import type { VieScoreSettings } from "../judge/viescore-judge.ts";
import { vieScoreOptions } from "../rewards/viescore.ts";

export interface JudgeFlags {
  readonly url: readonly string[];
  readonly model?: string;
  readonly config?: string;
  readonly set: readonly string[];
}

/** Stands for a model until its server has been asked. */
const UNNAMED = "unnamed";

/** Settings of a kind of judge, as a file and flags give them. */
export function judgeDeclaration<Settings extends JudgeSettings>(
  title: string,
  schema: z.ZodType<Settings>,
): Declaration<Settings> {
  return {
    title,
    schema,
    crossFaults: () => [],
    standIns: { model: UNNAMED, endpoints: [{ url: "http://localhost" }] },
  };
}

const JUDGE = judgeDeclaration<VieScoreSettings>("Judge", vieScoreOptions);

/**
 * The judge's settings; where no model is named, the one that the servers have. Throws ConfigError for settings that are
 * wrong, or a server that has several models.
 */
export async function judgeSettings(flags: JudgeFlags, signal: AbortSignal): Promise<VieScoreSettings> {
  return settingsOf(JUDGE, flags, signal);
}

/** As `judgeSettings`, for any settings of which those of a judge are a part. */
export async function settingsOf<Settings extends JudgeSettings>(
  declaration: Declaration<Settings>,
  flags: JudgeFlags,
  signal: AbortSignal,
): Promise<Settings> {
  const text = flags.config === undefined ? "{}" : readTextFile(flags.config);
  const overrides = [
    ...flags.url.map((url, index) => `endpoints.${index}.url=${url}`),
    ...(flags.model === undefined ? [] : [`model=${flags.model}`]),
    ...flags.set,
  ];
  const isNamed = overrides.some((override) => override.startsWith("model=")) || /^\s*model\s*:/m.test(text);
  const settings = parseConfig(declaration, text, flags.config ?? "the judge", [
    ...(isNamed ? [] : [`model=${UNNAMED}`]),
    ...overrides,
  ]);
  return isNamed ? settings : { ...settings, model: await onlyModel(settings, signal) };
}

async function onlyModel(settings: JudgeSettings, signal: AbortSignal): Promise<string> {
  await using judge = await openJudgeModel({ ...settings, cache: { ...settings.cache, isUsed: false } });
  for (const [url, models] of await judge.models(signal)) {
    const [only, ...others] = models ?? [];
    if (only !== undefined && others.length === 0) return only;
    const what =
      models === undefined
        ? "does not list its models"
        : `has ${models.length === 0 ? "no model" : models.join(", ")}`;
    throw new ConfigError(`${url} ${what}.`, { hint: "Name the judge's model: --model NAME." });
  }
  throw new ConfigError("No judge is named.", { hint: "Give its address: --url http://localhost:8000/v1." });
}
