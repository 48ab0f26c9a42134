/** The front door of loggers: a table of names. */

import { z } from "zod";

import { completionsCsv } from "./completions-csv.ts";
import type { LoggerContext, RunLogger } from "./run-logger.ts";
import { tensorboard } from "./tensorboard.ts";

export const LOGGERS = {
  tensorboard: { about: "event files of scalars and pictures", open: tensorboard },
  csv: { about: "a table of completions each step that shows some, in TRL's columns", open: completionsCsv },
} as const satisfies Record<string, { about: string; open: (context: LoggerContext) => RunLogger }>;

type LoggerName = keyof typeof LOGGERS;
const NAMES = Object.keys(LOGGERS) as [LoggerName, ...LoggerName[]];

/** What people ask for by name, and get from the files of another. */
const SYNCED = "write tensorboard, and `wandb sync` uploads its files (docs/watch.md)";

/** The setting `logging`. */
export const LoggingSettings = z
  .array(z.enum(NAMES, { error: ({ input }) => (input === "wandb" ? SYNCED : undefined) }))
  .default([])
  .describe(
    `What is written beside the events, into logs/: ${NAMES.map((name) => `${name}: ${LOGGERS[name].about}`).join("; ")}.`,
  );

export function openLoggers(names: readonly LoggerName[], context: LoggerContext): RunLogger[] {
  return [...new Set(names)].map((name) => LOGGERS[name].open(context));
}
