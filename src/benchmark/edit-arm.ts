/** A folder of edits read with what they are edits of: one arm on one benchmark, of ours or of another system. */

import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";

import { DataError } from "../errors.ts";
import { idsHash, type BenchmarkInputs } from "./benchmark-inputs.ts";
import { findInputs, INPUTS_FOLDER, itemsOfInputs, itemsOfLines, type EditItems } from "./edit-items.ts";
import { EDITS_FILE, editKey, EditLine, readEditsAbout, type EditsAbout } from "./edits-folder.ts";
import { readJsonLines } from "../runs/json-lines.ts";

export interface EditArm {
  readonly folder: string;
  readonly arm: string;
  readonly benchmark: string;
  readonly about: EditsAbout | undefined;
  readonly lines: readonly (EditLine & { readonly id: string })[];
  readonly items: EditItems;
  readonly seeds: readonly number[];
  readonly samples: number;
}

/** What is not known of the edits of other systems. */
export interface ArmNaming {
  readonly arm?: string | undefined;
  /** Rows that they are edits of. */
  readonly inputs?: BenchmarkInputs | undefined;
  /** The first so many rows alone. */
  readonly size?: number | undefined;
  /** Of all that the folder has, these. */
  readonly seeds?: readonly number[] | undefined;
}

const HINT =
  'Each line is an object: {"id", "edited"} or {"edited", "source", "instruction"}; see docs/benchmarks.md.';

/** Throws DataError where lines are no edits, or not of these rows. */
export function readEditArm(folder: string, naming: ArmNaming = {}): EditArm {
  const about = readEditsAbout(folder);
  const path = join(folder, EDITS_FILE);
  const entries = readJsonLines(path, EditLine, HINT);
  const lines = entries.map((line, index) => ({ ...line, id: line.id ?? String(index) }));
  if (lines.length === 0 && about === undefined) throw new DataError(`${path} has no edits.`, { hint: HINT });
  refuseDoubles(path, lines);
  const inputs = naming.inputs ?? (about === undefined ? undefined : findInputs(folder, about.benchmark));
  if (about !== undefined && inputs === undefined) {
    throw new DataError(`The rows that ${folder} holds edits of are not there.`, {
      hint: `Copy ${INPUTS_FOLDER}/${about.benchmark} beside the arms, or name the benchmark: --benchmark ${about.benchmark}.`,
    });
  }
  if (inputs !== undefined && naming.inputs !== undefined && entries.some(({ id }) => id === undefined)) {
    throw new DataError(`Edits in ${path} have no id.`, {
      hint: `Give each line the id of its row of ${inputs.about.name}: ${inputs.items[0]?.id ?? "…"}, …`,
    });
  }
  const items =
    inputs === undefined
      ? itemsOfLines(folder, lines)
      : itemsOfInputs(inputs, Math.min(naming.size ?? Infinity, inputs.about.rows));
  if (inputs !== undefined) refuseStrangers(path, lines, inputs);
  if (about !== undefined && inputs !== undefined) requireSameRows(folder, about, inputs);
  const found = [...new Set(lines.map(({ seed }) => seed))].toSorted((left, right) => left - right);
  return {
    folder,
    arm: naming.arm ?? about?.arm ?? basename(resolve(folder)),
    benchmark: inputs?.about.name ?? about?.benchmark ?? "edits",
    about,
    lines,
    items,
    seeds: naming.seeds ?? about?.seeds ?? found,
    samples: about?.samples ?? Math.max(0, ...lines.map(({ sample }) => sample)) + 1,
  };
}

function refuseDoubles(path: string, lines: readonly EditLine[]): void {
  const seen = new Set<string>();
  for (const line of lines) {
    const key = editKey(line);
    if (seen.has(key)) {
      throw new DataError(
        `${path} has two edits of ${JSON.stringify(line.id)}, seed ${line.seed}, sample ${line.sample}.`,
        {
          hint: "Edits of one row differ in seed or sample.",
        },
      );
    }
    seen.add(key);
  }
}

function refuseStrangers(path: string, lines: EditArm["lines"], { about, items }: BenchmarkInputs): void {
  const ids = new Set(items.map(({ id }) => id));
  const strangers = lines.filter(({ id }) => !ids.has(id));
  if (strangers.length === 0) return;
  throw new DataError(
    `${strangers.length} of ${lines.length} edits in ${path} belong to no row of ${about.name}, ${JSON.stringify(strangers[0]!.id)} first.`,
    {
      hint: `Its ids are ${JSON.stringify(items[0]?.id)}, …; score the generation that the edits were made on.`,
    },
  );
}

function requireSameRows(folder: string, about: EditsAbout, inputs: BenchmarkInputs): void {
  if (idsHash(inputs.items.slice(0, about.items)) === about.ids) return;
  throw new DataError(`The edits in ${folder} are of other rows than ${inputs.folder} holds.`, {
    hint: "Score them beside the inputs that they were made with.",
  });
}

/** Folders of edits at a place: itself, or those of its arms and benchmarks below it. Throws DataError where there are none. */
export function editFolders(place: string): string[] {
  if (!existsSync(place)) throw new DataError(`${place} is not there.`, { hint: "Check the path." });
  if (!statSync(place).isDirectory()) {
    throw new DataError(`${place} is a file.`, { hint: `Give the folder that ${EDITS_FILE} lies in.` });
  }
  const found = below(place, 2);
  if (found.length > 0) return found;
  throw new DataError(`There is no ${EDITS_FILE} in ${place}, nor up to two folders below it.`, {
    hint: HINT,
  });
}

function below(place: string, levels: number): string[] {
  if (existsSync(join(place, EDITS_FILE))) return [place];
  if (levels === 0) return [];
  return readdirSync(place, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== INPUTS_FOLDER)
    .map(({ name }) => join(place, name))
    .toSorted()
    .flatMap((folder) => below(folder, levels - 1));
}
