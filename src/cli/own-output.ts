/** Files that a command may write over: those that an earlier one of its kind wrote, and nobody's else. */

import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import { DataError } from "../errors.ts";

/** What `earl edit` writes of itself into edit.json. */
const EditFile = z.looseObject({
  checkpoint: z.string(),
  instruction: z.string(),
  completions: z.array(z.looseObject({ number: z.int(), file: z.string().optional() })),
  earlier: z.array(z.string()).default([]),
});

/** What `earl evaluate --out` writes. */
const EvaluationFile = z.looseObject({
  checkpoint: z.string(),
  data: z.string(),
  split: z.string(),
  results: z.array(z.unknown()),
});

export const EDIT_FILE = "edit.json";
export const SHEET_FILE = "contact-sheet.png";

export function pictureFile(number: number): string {
  return `edit-${number}.png`;
}

/** Pictures in the folder that `earl edit` wrote, in its last edit there or in one before. */
export function ownPictures(folder: string): string[] {
  const record = readOwn(join(folder, EDIT_FILE), EditFile);
  if (record === undefined) return [];
  return [...record.completions.flatMap(({ file }) => file ?? []), ...record.earlier];
}

/** Throws DataError where `earl edit` would replace a file in the folder that it did not write. */
export function refuseForeignEdits(folder: string, tries: number): void {
  const isOwn = readOwn(join(folder, EDIT_FILE), EditFile) !== undefined;
  const own = new Set([...ownPictures(folder), ...(isOwn ? [EDIT_FILE, SHEET_FILE] : [])]);
  const pictures = Array.from({ length: tries }, (_, index) => pictureFile(index + 1));
  for (const name of [EDIT_FILE, SHEET_FILE, ...pictures]) {
    if (!own.has(name) && existsSync(join(folder, name))) throw foreign(join(folder, name));
  }
}

/** Throws DataError where something is in the file that `earl evaluate` did not write. */
export function refuseForeignEvaluation(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > 0 && readOwn(path, EvaluationFile) === undefined) throw foreign(path);
}

function readOwn<T>(path: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}

function foreign(path: string): DataError {
  return new DataError(`${path} was not written by earl.`, {
    hint: "Choose another --out, or move it away; nothing of yours is replaced.",
  });
}
