/** What edits in a folder are edits of: the rows of a benchmark, or what each line says itself. */

import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import { DataError } from "../errors.ts";
import type { MeasuredEdit } from "../evaluate/benchmark.ts";
import { decodePicture } from "../images/codec.ts";
import type { Picture } from "../images/picture.ts";
import { readPictureFile } from "../images/picture-file.ts";
import { isWhole, loadInput, readInputs, type BenchmarkInputs } from "./benchmark-inputs.ts";
import type { EditLine } from "./edits-folder.ts";

export const INPUTS_FOLDER = "inputs";

/** What was asked for, in order. */
export interface EditItems {
  /** What tells kinds of benchmarks apart; undefined for lines that stand for themselves. */
  readonly kind?: string;
  /** Whether the figures may stand beside those of others. */
  readonly isWhole: boolean;
  /** Rows that the benchmark has, and those of it that cannot be read. */
  readonly rows: number;
  readonly broken: number;
  readonly items: readonly { readonly id: string; readonly task: string }[];
  /** Throws DataError that names the picture which cannot be read. */
  readonly load: (id: string) => Promise<MeasuredEdit>;
  /** What was asked, and the paths of the pictures. */
  readonly places: (id: string) => {
    readonly instruction: string;
    readonly source: string;
    readonly target: string | undefined;
  };
}

/** The nearest `inputs/<benchmark>` at a folder or above it, at most three levels up. */
export function findInputs(folder: string, benchmark: string): BenchmarkInputs | undefined {
  let place = resolve(folder);
  for (let level = 0; level < 4; level += 1) {
    const candidate = join(place, INPUTS_FOLDER, benchmark);
    const inputs = existsSync(candidate) ? readInputs(candidate) : undefined;
    if (inputs !== undefined) return inputs;
    place = dirname(place);
  }
  return undefined;
}

/** The first `count` rows of a benchmark's inputs, all unless given. */
export function itemsOfInputs(inputs: BenchmarkInputs, count = inputs.about.rows): EditItems {
  const items = inputs.items.filter(({ number }) => number < count);
  const byId = new Map(items.map((item) => [item.id, item]));
  return {
    kind: inputs.about.choice.kind,
    isWhole: isWhole(inputs) && count >= inputs.about.rows,
    rows: inputs.about.rows,
    broken: inputs.broken.length,
    items,
    load: async (id) => loadInput(inputs.folder, byId.get(id)!),
    places: (id) => placesOf(inputs.folder, byId.get(id)!),
  };
}

function placesOf(
  folder: string,
  { instruction = "", source, target }: Partial<Pick<EditLine, "instruction" | "source" | "target">>,
): ReturnType<EditItems["places"]> {
  return {
    instruction,
    source: resolve(folder, source!),
    target: target === undefined ? undefined : resolve(folder, target),
  };
}

/** Lines that bring their source and instruction; samples of one id must ask for the same. */
export function itemsOfLines(folder: string, lines: readonly EditLine[]): EditItems {
  const byId = new Map<string, EditLine>();
  for (const line of lines) {
    const id = line.id!;
    const first = byId.get(id);
    if (line.source === undefined || line.instruction === undefined) {
      throw new DataError(
        `The edit ${JSON.stringify(id)} has no ${line.source === undefined ? "source" : "instruction"}.`,
        {
          hint: "Name the benchmark that its id belongs to (--benchmark NAME), or give every line source and instruction.",
        },
      );
    }
    if (first !== undefined && (first.source !== line.source || first.instruction !== line.instruction)) {
      throw new DataError(`Two edits of the id ${JSON.stringify(id)} ask for different things.`, {
        hint: "Give each row an id of its own; edits of one row differ in seed or sample.",
      });
    }
    if (first === undefined) byId.set(id, line);
  }
  const load = async (file: string): Promise<Picture> => {
    const path = resolve(folder, file);
    return decodePicture(await readPictureFile(path), path);
  };
  return {
    isWhole: false,
    rows: byId.size,
    broken: 0,
    items: [...byId].map(([id, { task = "edit" }]) => ({ id, task })),
    places: (id) => placesOf(folder, byId.get(id)!),
    load: async (id) => {
      const { task = "edit", instruction = "", source, target, mask, captions, expected } = byId.get(id)!;
      return {
        id,
        task,
        instruction,
        source: await load(source!),
        ...(target !== undefined && { target: await load(target) }),
        ...(mask !== undefined && { mask: await load(mask) }),
        ...(captions !== undefined && { captions }),
        ...(expected !== undefined && { expected }),
      };
    },
  };
}
