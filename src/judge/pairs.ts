/** Pairs of pictures to be judged, from a file of one JSON object a line: `{ source, edited, instruction }`. */

import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { DataError } from "../errors.ts";
import { decodePicture } from "../images/codec.ts";
import { readPictureFile } from "../images/picture-file.ts";
import { parsedLine } from "../runs/json-lines.ts";
import type { JudgedPictures } from "./viescore.ts";

const PairRow = z.looseObject({
  source: z.string().min(1),
  edited: z.string().min(1),
  instruction: z.string(),
  id: z.union([z.string(), z.number()]).optional(),
  /** Kind of edit, for the table. */
  task: z.string().optional(),
});

export interface Pair {
  /** From 1. */
  readonly line: number;
  readonly id: string | number | undefined;
  readonly task: string | undefined;
  readonly instruction: string;
  /** As they are written in the file. */
  readonly source: string;
  readonly edited: string;
}

/** Every pair of a file. Throws DataError that names the first line which is none. */
export async function readPairs(path: string): Promise<Pair[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new DataError(`Cannot read the pairs ${path}.`, { hint: "Check the path.", cause });
  }
  const lines = text.split("\n").entries();
  const pairs = [...lines].flatMap(([index, line]) =>
    line.trim() === "" ? [] : [pairOf(path, index + 1, line)],
  );
  if (pairs.length > 0) return pairs;
  throw new DataError(`${path} holds no pairs.`, { hint: HINT });
}

const HINT = 'One JSON object a line: {"source": "a.png", "edited": "b.png", "instruction": "Make it red"}.';

function pairOf(path: string, line: number, text: string): Pair {
  const { source, edited, instruction, id, task } = parsedLine(`${path}:${line}`, text, PairRow, HINT);
  return { line, id, task, instruction, source, edited };
}

/** The pictures of a pair; paths are taken from the folder of the pairs' file. Throws DataError where one cannot be read. */
export async function loadPair(path: string, { source, edited, instruction }: Pair): Promise<JudgedPictures> {
  const load = async (name: string) => {
    const file = resolve(dirname(path), name);
    return decodePicture(await readPictureFile(file), file);
  };
  return { instruction, source: await load(source), edited: await load(edited) };
}
