/**
 * What judges and measures said of edits, in files of one JSON object a line beside them. A verdict belongs to a judge's
 * settings and to the very pictures: where either changes, the edit is judged anew.
 */

import { createHash } from "node:crypto";
import { join } from "node:path";

import { z } from "zod";

import { JsonLines } from "../runs/json-lines.ts";

export const SCORES_FOLDER = "scores";

const reason = z.string();
/** As a judge's, and what the folder itself says: `missing` where an edit should be and is not. */
export const EditVerdict = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("scored"),
    score: z.number(),
    subscores: z.record(z.string(), z.number()),
    reasoning: z.string().exactOptional(),
  }),
  z.object({ kind: z.enum(["unparsable", "unreachable", "undecodable", "missing"]), reason }),
]);
export type EditVerdict = z.infer<typeof EditVerdict>;

const place = {
  id: z.string(),
  seed: z.int(),
  sample: z.int(),
  /** Hash of the pictures and the instruction. */
  of: z.string(),
};
const VerdictLine = z.object({ ...place, verdict: EditVerdict });
export type VerdictLine = z.infer<typeof VerdictLine>;
/** null where a measure cannot be taken. */
const MeasureLine = z.object({ ...place, values: z.record(z.string(), z.number().nullable()) });
export type MeasureLine = z.infer<typeof MeasureLine>;

export const verdictsFile = (folder: string, judge: string): string =>
  join(folder, SCORES_FOLDER, `verdicts-${judge}.jsonl`);

export const openVerdicts = (folder: string, judge: string): JsonLines<VerdictLine> =>
  JsonLines.open(verdictsFile(folder, judge), VerdictLine);

export const openMeasures = (folder: string, instruments: string): JsonLines<MeasureLine> =>
  JsonLines.open(join(folder, SCORES_FOLDER, `measures-${instruments}.jsonl`), MeasureLine);

/** Settings that say where and how patiently a judge is asked, not what it says. */
const OPERATIONAL = new Set([
  "endpoints",
  "callSeconds",
  "totalSeconds",
  "retries",
  "reasks",
  "cache",
  "prices",
]);

/** The settings that change what a judge says, those of its parts too. */
export function meaningOf(settings: unknown): unknown {
  if (Array.isArray(settings)) return settings.map(meaningOf);
  if (typeof settings !== "object" || settings === null) return settings;
  return Object.fromEntries(
    Object.entries(settings)
      .filter(([key, value]) => !OPERATIONAL.has(key) && value !== undefined)
      .map(([key, value]) => [key, meaningOf(value)]),
  );
}

/** Twelve hexadecimal digits that stand for settings. */
export function settingsHash(settings: unknown): string {
  return createHash("sha256").update(JSON.stringify(settings)).digest("hex").slice(0, 12);
}
