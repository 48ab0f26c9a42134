/**
 * A run goes on with the settings it was started with. What may change: where it is computed (`engine`), how much of the
 * data may be broken, more steps of the stage that it is in or of a later one, and the held-out evaluation until it is
 * made. A setting that is new in the program had its default when the run was started.
 */

import { existsSync, readFileSync } from "node:fs";

import type { z } from "zod";

import { differingSettings, type SettingDifference } from "../config/settings-difference.ts";
import { ConfigError, DataError } from "../errors.ts";
import { NewerEventError } from "./event-log.ts";
import { eventsBackwards } from "./events-backwards.ts";
import { STAGES, type Stage } from "./event.ts";
import type { RunDirectory } from "./run-directory.ts";

export interface SettingsRequest {
  readonly directory: RunDirectory;
  /** Every setting, as it is asked for now. */
  readonly config: object;
  /** What the settings are; it knows the defaults of those that a saved config does not have. */
  readonly schema: z.ZodType;
}

/** True where the last thing a run said is that it ended; not where what it said last is damaged. */
export function isFinished(directory: RunDirectory): boolean {
  if (!existsSync(directory.events)) return false;
  try {
    const [last] = eventsBackwards(directory.events);
    return last?.kind === "run-end";
  } catch (error) {
    if (error instanceof NewerEventError || !(error instanceof DataError)) throw error;
    return false;
  }
}

/**
 * True where the run has ended and the settings ask for no further step. Throws ConfigError where they are others than
 * the run's.
 */
export function isDone(request: SettingsRequest): boolean {
  if (!isFinished(request.directory)) return false;
  const differences = differencesOf(request);
  if (differences.length === 0) return true;
  refuse(
    request.directory,
    differences.filter((one) => !raisesSteps(one)),
  );
  return false;
}

/** Throws ConfigError where a run that is at `stage` cannot go on with these settings; undefined: at its beginning. */
export function refuseOtherSettings(request: SettingsRequest, stage: Stage | undefined): void {
  const { directory } = request;
  const canEvaluate = !isFinished(directory);
  const others = differencesOf(request).filter(
    (one) => !(raisesSteps(one, stage) || (canEvaluate && one.key.startsWith("evaluation."))),
  );
  refuse(directory, others);
}

function refuse(directory: RunDirectory, differences: readonly SettingDifference[]): void {
  if (differences.length === 0) return;
  const word = (value: unknown): string => (value === undefined ? "unset" : JSON.stringify(value));
  const list = differences.map(({ key, saved, present }) => `${key} was ${word(saved)}, is ${word(present)}`);
  throw new ConfigError(
    `The run ${directory.path} was started with other settings:\n  ${list.join("\n  ")}`,
    {
      hint: "Resume it with the settings it has (steps of a stage that is not over may be raised), or give the new settings another `name`.",
    },
  );
}

/** What a run computes does not depend on them: where it is computed, and when broken data stops it. */
const FREE_SETTINGS = /^(engine\.|data\.maxBrokenShare$)/;

/** Throws CheckpointError where the saved config is damaged. */
function differencesOf({ directory, config, schema }: SettingsRequest): SettingDifference[] {
  if (!existsSync(directory.config)) return [];
  const saved = { file: directory.config, text: readFileSync(directory.config, "utf8") };
  return differingSettings(schema, saved, config).filter(({ key }) => !FREE_SETTINGS.test(key));
}

/** True where a stage that is not over is to make more steps. */
function raisesSteps({ key, saved, present }: SettingDifference, stage: Stage = STAGES[0]): boolean {
  const raised = STAGES.findIndex((one) => key === `${one}.steps`);
  return raised >= STAGES.indexOf(stage) && Number(present) > Number(saved);
}
