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
import { serverRemedy } from "./judge-remedy.ts";

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
  if (flags.config === undefined && flags.url.length + flags.set.length === 0) throw noJudge();
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
  return modelOfServer(settings, "--model NAME", signal);
}

/** The one model that the first server has. Throws ConfigError where that cannot be told; `flag` names it. */
export async function modelOfServer(
  settings: JudgeSettings,
  flag: string,
  signal: AbortSignal,
): Promise<string> {
  await using judge = await openJudgeModel({ ...settings, cache: { ...settings.cache, isUsed: false } });
  const [first] = await judge.models(signal);
  if (first === undefined) throw noJudge();
  const [url, listed] = first;
  if (listed.status !== "answered") {
    const { keyVariable } = settings.endpoints[0]!;
    const byName = `Check the address, which ends in /v1. Where a server lists none, name its model: ${flag}.`;
    throw new ConfigError(`${url} does not list its models: ${listed.reason}.`, {
      hint: serverRemedy(listed, keyVariable) ?? byName,
    });
  }
  const [only, ...others] = listed.answer;
  if (only !== undefined && others.length === 0) return only;
  throw new ConfigError(`${url} has ${only === undefined ? "no model" : listed.answer.join(", ")}.`, {
    hint: `Name the judge's model: ${flag}.`,
  });
}

function noJudge(): ConfigError {
  return new ConfigError("No judge is named.", {
    hint: "Give its server's address: --url http://localhost:8000/v1.",
  });
}
