/** `earl data mix CONFIG`: what a run will train on, row by row and step by step, without training. */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { dirname } from "node:path";
import { finished } from "node:stream/promises";

import { isBroken, type DatasetSplit, type EditDataset } from "../data/edit-dataset.ts";
import type { OpenDataset } from "../data/open-dataset.ts";
import { DataError } from "../errors.ts";
import { loadRunConfig } from "../experiment/run-config.ts";
import { openingProgress } from "../experiment/progress.ts";
import { RunDatasets } from "../experiment/run-datasets.ts";
import { planStages, type PlannedPhase, type PlannedStage } from "../experiment/stage-plan.ts";
import { formatTable, printable } from "../format.ts";
import { makeFolders, requireWritableFile } from "../runs/writable-place.ts";
import { required } from "./arguments.ts";
import type { Progress } from "./progress.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface MixFlags {
  readonly set: string[];
  readonly dryRun?: true;
  readonly out?: string;
  readonly batches: number;
}

/** Prints the plan; without --dry-run every row is written to a file, too. */
export async function mixData(file: string, flags: MixFlags, surroundings: Surroundings): Promise<void> {
  const config = loadRunConfig(file, flags.set);
  const out = flags.dryRun === true ? undefined : required(flags.out, "--dry-run, or --out FILE,");
  if (out !== undefined) requireWritableFile(out);
  const progress = progressOn(surroundings);
  const datasets = new RunDatasets(config.data, (notice) => progress.say(notice), {
    onProgress: openingProgress(progress),
  });
  const stages = await planStages(config, datasets);
  const heldOut = [await datasets.open("validation")];
  if (config.evaluation.size > 0) heldOut.push(await datasets.open("test"));
  const print = (text: string): unknown => surroundings.stdout.write(`${printable(text)}\n`);
  for (const stage of stages) {
    for (const phase of stage.phases) {
      print(phaseText(stage, phase));
      if (flags.batches > 0) print(await batchesText(stage, phase, flags.batches));
    }
  }
  print("Held out");
  print(heldOutTable(heldOut));
  if (out === undefined) return;
  const trained = new Set(stages.flatMap(({ phases }) => phases.map(({ dataset }) => dataset)));
  makeFolders(dirname(out));
  const rows = await writeRows(out, [...trained, ...heldOut], progress);
  surroundings.stdout.write(`${out}: ${rows} rows\n`);
}

const count = (value: number): string => value.toLocaleString("en-US");

function phaseText({ name, size, phases }: PlannedStage, phase: PlannedPhase): string {
  const { dataset, start, steps } = phase;
  const drawn = steps * size;
  const where = phases.length === 1 ? "" : `, steps ${start + 1} to ${start + steps}`;
  const head = `${name.toUpperCase()}${where}: ${count(steps)} steps of ${size} edits, ${count(drawn)} drawn of ${count(dataset.count)}: ${(drawn / dataset.count).toFixed(2)} epochs`;
  const rows = partsOf(dataset).map(({ name: source, weight, rows: own, taken }) => [
    source,
    count(own),
    String(weight),
    count(taken),
    `${((100 * taken) / dataset.count).toFixed(1)} %`,
    (size * (taken / dataset.count)).toFixed(1),
    ((drawn * taken) / (dataset.count * own)).toFixed(2),
  ]);
  const table = [["source", "rows", "weight", "taken", "share", "a step", "each row is seen"], ...rows];
  return `${head}\n\n${formatTable(table)}\n`;
}

/** Its sources; the dataset itself where it is no mixture. */
function partsOf(dataset: OpenDataset): { name: string; weight: number; rows: number; taken: number }[] {
  const { directory: name, count: rows } = dataset;
  return [...(dataset.parts ?? [{ name, weight: 1, rows, taken: rows }])];
}

async function batchesText(
  stage: PlannedStage,
  { start, steps }: PlannedPhase,
  most: number,
): Promise<string> {
  const lines: string[] = [];
  for (let step = start; step < start + Math.min(most, steps); step += 1) {
    const { dataset, rows } = stage.rowsAt(step);
    const read = await dataset.read(rows);
    lines.push(`step ${step + 1}`);
    for (const row of read) {
      lines.push(
        isBroken(row)
          ? `  broken, another stands in: ${row.origin}: ${row.broken}`
          : `  ${row.id}  ${row.task}  ${JSON.stringify(short(row.instruction))}`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}

function short(text: string): string {
  const most = 60;
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

function heldOutTable(datasets: readonly OpenDataset[]): string {
  const rows = datasets.flatMap((dataset) =>
    partsOf(dataset).map(({ name, rows: own }) => [name, dataset.split, count(own)]),
  );
  return formatTable([["source", "split", "rows"], ...rows]);
}

/** A row as the file lists it; `times` is how often an epoch has it. */
interface ListedRow {
  readonly split: DatasetSplit;
  readonly source?: string;
  readonly id?: string;
  readonly origin?: string | undefined;
  readonly broken?: string;
  readonly times: number;
}

/** JSON lines, each row once. */
async function writeRows(
  path: string,
  datasets: readonly EditDataset[],
  progress: Progress,
): Promise<number> {
  const file = createWriteStream(path);
  const ended = finished(file);
  // A full disk shows where the end is waited for.
  ended.catch(() => undefined);
  let written = 0;
  progress.start(
    "Rows",
    datasets.reduce((sum, dataset) => sum + distinctRows(dataset).size, 0),
  );
  for (const dataset of datasets) {
    for await (const row of listedRows(dataset)) {
      if (!file.write(`${JSON.stringify(row)}\n`)) {
        await Promise.race([once(file, "drain"), ended]);
      }
      written += 1;
      progress.advance(written);
    }
  }
  file.end();
  try {
    await ended;
  } catch (cause) {
    throw new DataError(`Cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}.`, {
      hint: "Free some space, or choose another place.",
      cause,
    });
  }
  progress.finish(`${written} written`);
  return written;
}

/** By number: the first row that has it, and how many do. */
function distinctRows(dataset: EditDataset): Map<number, { readonly row: number; times: number }> {
  const rows = new Map<number, { readonly row: number; times: number }>();
  for (let row = 0; row < dataset.count; row += 1) {
    const number = dataset.numberOf?.(row) ?? row;
    const known = rows.get(number);
    if (known === undefined) rows.set(number, { row, times: 1 });
    else known.times += 1;
  }
  return rows;
}

const READ_AT_ONCE = 64;

async function* listedRows(dataset: EditDataset): AsyncGenerator<ListedRow> {
  const rows = [...distinctRows(dataset)].toSorted(([left], [right]) => left - right);
  for (let start = 0; start < rows.length; start += READ_AT_ONCE) {
    const wanted = rows.slice(start, start + READ_AT_ONCE);
    const read = await dataset.read(wanted.map(([, { row }]) => row));
    for (const [index, example] of read.entries()) {
      const [number, { times }] = wanted[index]!;
      const source = dataset.parts?.findLast(({ first }) => first <= number)?.name;
      yield {
        split: dataset.split,
        ...(source !== undefined && { source }),
        ...(isBroken(example)
          ? { origin: example.origin, broken: example.broken }
          : { id: example.id, origin: example.origin }),
        times,
      };
    }
  }
}
