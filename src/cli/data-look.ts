/** `earl data look DATASET`: a table of what is inside, and a sheet of its pictures. */

import { existsSync, statSync } from "node:fs";

import { join } from "node:path";

import { remoteFileAt } from "../data/containers/remote-file.ts";
import type { EditDataset } from "../data/edit-dataset.ts";
import { survey, type ShownExample, type Survey } from "../data/survey.ts";
import { Interrupted } from "../errors.ts";
import { formatBytes, formatTable, printable } from "../format.ts";
import { contactSheet } from "../images/contact-sheet.ts";
import { inSquare } from "../images/in-square.ts";
import { picture, type Picture } from "../images/picture.ts";
import { encodePng } from "../images/png.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { requireWritableFile } from "../runs/writable-place.ts";
import type { CodeGrid } from "../tokens/vision-tokenizer.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { openNamedDataset } from "./named-dataset.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface LookFlags {
  readonly rows: number;
  readonly show: number;
  readonly out: string;
}

const SHOWN_SIDE = 160;
const PAIRS_IN_A_ROW = 3;
/** Kinds of edits, sizes and broken rows that are printed; the rest is counted. */
const MOST_LINES = 12;
const MOST_SIZES = 6;
const LONGEST_SHOWN = 60;
const SPLITS = ["train", "validation", "test"] as const;

export async function lookAtData(name: string, flags: LookFlags, surroundings: Surroundings): Promise<void> {
  if (flags.show > 0) requireWritableFile(flags.out);
  const progress = progressOn(surroundings);
  const { kind, dataset } = await openNamedDataset(name, SPLITS, progress);
  using interrupt = listenForInterrupt(surroundings, {
    says: "Stopping.",
    reason: new Interrupted(
      "Stopped; nothing was written.",
      "Run the same command again, with fewer --rows.",
    ),
  });
  const { count, split } = dataset;
  progress.start("Rows", Math.min(count, flags.rows));
  const found = await survey(dataset, {
    most: flags.rows,
    shown: flags.show,
    signal: interrupt.signal,
    onProgress: (done) => progress.advance(done),
  });
  progress.finish(`${found.looked} of ${count} rows of ${split}`);
  surroundings.stdout.write(`${printable(linesOf(kind, dataset, found).join("\n"))}\n`);
  if (found.shown.length === 0) return;
  writeFileAtomically(flags.out, sheetOf(found.shown));
  surroundings.stdout.write(`\n${flags.out}\n`);
}

function linesOf(kind: string, dataset: EditDataset, found: Survey): string[] {
  const { files, split, count, directory } = dataset;
  // Drawn scenes have OmniEdit's columns, and are nobody's.
  const isDrawn = existsSync(join(directory, "dataset.json"));
  const card = isDrawn ? undefined : dataset.card;
  const bytes = files.reduce((sum, { path }) => sum + sizeOf(path), 0);
  const { looked, tasks, sizes, broken, shown, having } = found;
  const read = looked - broken.length;
  return [
    `${isDrawn ? "Drawn scenes" : (card?.title ?? "Edits")} (kind ${kind}), ${directory}`,
    ...(card === undefined ? [] : [`licence ${card.licence}, ${card.page}`]),
    ...(card?.gating === undefined ? [] : [card.gating]),
    `${split}: ${rowsOf(count)} in ${files.length === 1 ? "1 file" : `${files.length} files`}${bytes > 0 ? `, ${formatBytes(bytes)}` : ""}${looked < count ? `; ${looked} looked at, at even distances` : ""}`,
    "",
    formatTable([["task", "rows", "share"], ...counted(tasks, MOST_LINES)]),
    "",
    formatTable([["size", "pictures", "share"], ...counted(sizes, MOST_SIZES)]),
    "",
    lengthsLine(found.instructionLengths),
    `with ${Object.entries(having)
      .map(([what, rows]) => `${what} ${rows}`)
      .join(", ")} of ${rowsOf(read)}`,
    `broken: ${broken.length} of ${rowsOf(looked)}`,
    ...broken.slice(0, MOST_LINES).map((row) => `  ${row.origin}: ${row.broken}`),
    ...(broken.length > MOST_LINES ? [`  and ${broken.length - MOST_LINES} more`] : []),
    ...(shown.length === 0
      ? []
      : ["", formatTable([["sheet", "id", "task", "instruction"], ...shown.map(shownRow)])]),
  ];
}

const rowsOf = (count: number): string => (count === 1 ? "1 row" : `${count} rows`);

function counted(counts: readonly (readonly [string, number])[], most: number): string[][] {
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const share = (count: number): string => `${((100 * count) / Math.max(1, total)).toFixed(1)}%`;
  const rest = counts.slice(most);
  const others = rest.reduce((sum, [, count]) => sum + count, 0);
  return [
    ...counts.slice(0, most).map(([name, count]) => [name, String(count), share(count)]),
    ...(rest.length === 0 ? [] : [[`${rest.length} others`, String(others), share(others)]]),
  ];
}

function lengthsLine(lengths: readonly number[]): string {
  if (lengths.length === 0) return "instructions: none";
  const median = lengths[Math.floor(lengths.length / 2)]!;
  return `instructions: ${lengths[0]} to ${lengths.at(-1)} characters, median ${median}`;
}

function shownRow({ example: { id, task, instruction } }: ShownExample, at: number): string[] {
  const characters = Array.from(instruction.replaceAll(/\s+/g, " "));
  const cut = characters.length > LONGEST_SHOWN;
  return [
    String(at + 1),
    id,
    task,
    cut ? `${characters.slice(0, LONGEST_SHOWN - 1).join("")}…` : characters.join(""),
  ];
}

/** A file's size, where it is published for one that is read there; 0 for what lies elsewhere. */
function sizeOf(path: string): number {
  return remoteFileAt(path)?.bytes ?? statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Source and target side by side, three pairs a row, in the order of the table. */
function sheetOf(shown: readonly ShownExample[]): Uint8Array {
  const pictures = shown.flatMap(({ example: { codes }, pictures: { source, target } }) => [
    square(source, codes?.source),
    square(target, codes?.target),
  ]);
  return encodePng(contactSheet(pictures, { columns: 2 * PAIRS_IN_A_ROW, gap: 6 }));
}

/** Codes without a picture are shown as a pattern: equal codes have equal colours. */
function square(shown: Picture | undefined, codes: CodeGrid | undefined): Picture {
  const whole = shown ?? (codes === undefined ? picture(1, 1) : patternOf(codes));
  return inSquare(whole, SHOWN_SIDE).square;
}

function patternOf({ rows, columns, codes }: CodeGrid): Picture {
  const pattern = picture(columns, rows);
  for (const [cell, code] of codes.entries()) {
    const mixed = Math.imul(code + 1, 0x9e3779b1) >>> 0;
    pattern.pixels.set([mixed & 255, (mixed >>> 8) & 255, (mixed >>> 16) & 255], 3 * cell);
  }
  return pattern;
}
