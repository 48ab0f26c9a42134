/** Which judge a command asks: an address and a model, and any other setting of the reward `viescore`. */

import type { Declaration } from "../config/declaration.ts";
import { parseConfig } from "../config/load-config.ts";
import { readTextFile } from "../config/read-yaml.ts";
import { ConfigError } from "../errors.ts";
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

const JUDGE: Declaration<VieScoreSettings> = {
  title: "Judge",
  schema: vieScoreOptions,
  crossFaults: () => [],
  standIns: { model: UNNAMED, endpoints: [{ url: "http://localhost" }] },
};

/**
 * The judge's settings; where no model is named, the one that the servers have. Throws ConfigError for settings that are
 * wrong, or a server that has several models.
 */
export async function judgeSettings(flags: JudgeFlags, signal: AbortSignal): Promise<VieScoreSettings> {
  const text = flags.config === undefined ? "{}" : readTextFile(flags.config);
  const overrides = [
    ...flags.url.map((url, index) => `endpoints.${index}.url=${url}`),
    ...(flags.model === undefined ? [] : [`model=${flags.model}`]),
    ...flags.set,
  ];
  const isNamed = overrides.some((override) => override.startsWith("model=")) || /^\s*model\s*:/m.test(text);
  const settings = parseConfig(JUDGE, text, flags.config ?? "the judge", [
    ...(isNamed ? [] : [`model=${UNNAMED}`]),
    ...overrides,
  ]);
  return isNamed ? settings : { ...settings, model: await onlyModel(settings, signal) };
}

async function onlyModel(settings: VieScoreSettings, signal: AbortSignal): Promise<string> {
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
