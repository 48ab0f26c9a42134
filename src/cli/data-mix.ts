/** `earl data mix CONFIG`: what a run will train on, row by row and step by step, without training. */

import { dirname } from "node:path";

import { isBroken } from "../data/edit-dataset.ts";
import type { OpenDataset } from "../data/open-dataset.ts";
import { Interrupted } from "../errors.ts";
import { loadRunConfig } from "../experiment/run-config.ts";
import { fetchProgress, HubNames } from "../experiment/hub-names.ts";
import { openingProgress } from "../experiment/progress.ts";
import { RunDatasets } from "../experiment/run-datasets.ts";
import { planStages, type PlannedPhase, type PlannedStage } from "../experiment/stage-plan.ts";
import { formatTable, printable } from "../format.ts";
import { makeFolders, requireWritableFile } from "../runs/writable-place.ts";
import { required } from "./arguments.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { writeListedRows } from "./listed-rows.ts";
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
    names: new HubNames({ onProgress: fetchProgress(progress) }),
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
  using interrupt = listenForInterrupt(surroundings, {
    says: "Stopping.",
    reason: new Interrupted("Stopped; no rows were listed.", "Run the same command again."),
  });
  const { signal } = interrupt;
  const rows = await writeListedRows(out, [...trained, ...heldOut], { progress, signal });
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
