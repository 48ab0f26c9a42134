/** The files of results: JSON with everything, Markdown, LaTeX and CSV for readers. */

import { existsSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import { DataError } from "../errors.ts";
import { editsTable, linkTo, type ShownEdit } from "../report/edits-table.ts";
import { markdownText } from "../report/markdown-text.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { readJson } from "../runs/run-directory.ts";
import { makeFolders } from "../runs/writable-place.ts";
import { csvOf, latexOf, markdownOf } from "./render-tables.ts";
import { figureLines } from "./figure-lines.ts";
import { resultTables } from "./result-tables.ts";
import type { Results } from "./results.ts";

export const RESULT_FILES = ["results.json", "results.md", "results.csv", "results.tex"];

/** Writes them into the folder, over those of an earlier sitting. */
export function writeResults(folder: string, results: Results): void {
  const tables = resultTables(results);
  const linked = withLinks(results, folder);
  const texts = [
    `${JSON.stringify({ version: 1, ...linked }, null, 2)}\n`,
    [markdownOf(tables), ...linked.benchmarks.flatMap(editsMarkdown)].join("\n"),
    csvOf(figureLines(results)),
    latexOf(tables),
  ];
  makeFolders(folder);
  for (const [index, text] of texts.entries()) writeFileAtomically(join(folder, RESULT_FILES[index]!), text);
}

/** Paths of pictures as a file in the folder names them. */
function withLinks(results: Results, folder: string): Results {
  const linked = ({ path, column }: ShownEdit["pictures"][number]) => ({
    column,
    path: linkTo(path, folder),
  });
  const benchmarks = results.benchmarks.map((one) => ({
    ...one,
    edits: one.edits.map((edit) => ({ ...edit, pictures: edit.pictures.map(linked) })),
  }));
  return { ...results, benchmarks };
}

function editsMarkdown({ benchmark, edits }: Results["benchmarks"][number]): string[] {
  if (edits.length === 0) return [];
  return [`## ${markdownText(benchmark)}, some edits\n\n${editsTable(edits)}\n`];
}

/** Throws DataError where files of these names are there that earl did not write. */
export function refuseForeignResults(folder: string): void {
  const there = RESULT_FILES.filter((name) => existsSync(join(folder, name)));
  if (there.length === 0 || isOwn(join(folder, RESULT_FILES[0]!))) return;
  throw new DataError(`${join(folder, there[0]!)} was not written by earl.`, {
    hint: "Choose another --out, or move it away; nothing of yours is replaced.",
  });
}

function isOwn(path: string): boolean {
  try {
    return z
      .looseObject({ version: z.literal(1), benchmarks: z.array(z.unknown()) })
      .safeParse(readJson(path)).success;
  } catch {
    return false;
  }
}
