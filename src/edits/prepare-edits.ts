/**
 * Makes edit examples ready for a policy: decodes pictures, gives them the size it reads, looks up codes, lays out ids.
 * Rows that cannot be read go to the dataset's ledger, and others take their place.
 */

import {
  decodeExample,
  type EditExample,
  type ExampleCodes,
  type ExamplePictures,
} from "../data/edit-dataset.ts";
import { rescaledBoxes } from "../data/thoughts/boxes.ts";
import { DataError } from "../errors.ts";
import { topLeft, type Picture } from "../images/picture.ts";
import { resize } from "../images/resize.ts";
import { constraintsOf } from "../tokens/constraints.ts";
import type { Grammar } from "../tokens/grammar.ts";
import { promptOf, trainingPair, type Tokens } from "../tokens/sequence.ts";
import type { CodeGrid, VisionTokenizer } from "../tokens/vision-tokenizer.ts";
import { madeOfRows, type RowSource } from "./made-of-rows.ts";
import type { PreparedEdit, PreparedEdits } from "./prepared-edit.ts";
import { rowsInPlaceOf } from "./rows-in-place.ts";

export interface PreparationParts {
  readonly tokens: Tokens;
  readonly vision: VisionTokenizer;
  /** Reads the demonstrations: what of them counts in a loss. */
  readonly grammar: Grammar;
  /** The policy writes a thought before the picture, and demonstrations that have one show it. */
  readonly thoughts: boolean;
  /** Prepared edits are kept for the next time as long as they take no more bytes; default 256 MiB. */
  readonly keepBytes?: number;
}

/** A target may be this much wider or higher than the source's shape; editors round sides to multiples of 8 to 64. */
const SHAPE_TOLERANCE = 0.04;

/** The examples of a dataset, each prepared at its first use. */
export function prepareEdits(dataset: RowSource, parts: PreparationParts): PreparedEdits {
  const { keepBytes = 256 * 1024 * 1024 } = parts;
  const { count } = dataset;
  const kept = new Map<number, PreparedEdit>();
  let bytes = 0;

  const keep = (index: number, edit: PreparedEdit): void => {
    const size = bytesOf(edit);
    if (bytes + size > keepBytes || kept.has(index)) return;
    kept.set(index, edit);
    bytes += size;
  };

  /** The edits of these numbers; those that are missing are broken and in the ledger. */
  const readable = async (indices: readonly number[]): Promise<Map<number, PreparedEdit>> => {
    const fresh = await madeOfRows(
      dataset,
      indices.filter((index) => !kept.has(index)),
      (example) => prepareExample(example, parts),
    );
    const edits = new Map(fresh);
    for (const index of indices) {
      const known = kept.get(index);
      if (known !== undefined) edits.set(index, known);
    }
    for (const [index, edit] of fresh) keep(index, edit);
    return edits;
  };

  return {
    count,
    async take(indices) {
      const taken = new Map<number, PreparedEdit>();
      // What is tried for each number next: the row itself, then those in its place.
      let open = new Map([...new Set(indices)].map((index) => [index, rowsInPlaceOf(index, count)]));
      while (open.size > 0) {
        const tried = new Map([...open].map(([index, rows]) => [index, nextRow(rows)]));
        const edits = await readable([...tried.values()]);
        for (const [index, row] of tried) {
          const edit = edits.get(row);
          if (edit !== undefined) taken.set(index, edit);
        }
        open = new Map([...open].filter(([index]) => !taken.has(index)));
      }
      return indices.map((index) => taken.get(index)!);
    },
    async takeReadable(indices) {
      const edits = await readable(indices);
      return indices.flatMap((index) => edits.get(index) ?? []);
    },
  };
}

function nextRow(rows: Iterator<number>): number {
  const next = rows.next();
  if (next.done !== true) return next.value;
  throw new DataError("No row of the dataset can be read.", { hint: "Fetch or repair the dataset." });
}

function bytesOf({ source, target, sourceCodes, targetCodes, prompt, demonstration }: PreparedEdit): number {
  const arrays = [
    source.pixels,
    target?.pixels,
    sourceCodes.codes,
    targetCodes?.codes,
    prompt.ids,
    demonstration?.ids,
    demonstration?.prompt.ids,
    demonstration?.constraints,
  ];
  return arrays.reduce((sum, array) => sum + (array?.byteLength ?? 0), 0);
}

/** The example made ready. Throws DataError that names it where it cannot be. */
export async function prepareExample(example: EditExample, parts: PreparationParts): Promise<PreparedEdit> {
  const decoded = await decodeExample(example);
  try {
    const { codes } = example;
    const pictures =
      codes === undefined
        ? await encoded(decoded, parts.vision)
        : await withCodes(decoded, codes, parts.vision);
    return laidOut(withFittedBoxes(example, decoded, parts.vision), parts, pictures);
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    throw new DataError(`${example.origin ?? example.id}: ${cause.message}`, {
      ...(cause.hint ? { hint: cause.hint } : {}),
      cause,
    });
  }
}

/**
 * Boxes in a thought are counted in pixels of the source picture; the policy sees it at another size. Beside codes they
 * are the policy's already, unless the thought says of which size they are.
 */
export function withFittedBoxes(
  example: EditExample,
  { source }: ExamplePictures,
  vision: VisionTokenizer,
): EditExample {
  const { thought, thoughtSize, codes, ...others } = example;
  const own = codes === undefined && source !== undefined ? [source.width, source.height] : undefined;
  const [across, down] = thoughtSize ?? own ?? [];
  if (thought === undefined || across === undefined || down === undefined) return example;
  const { width, height } = vision.fittingSize(across, down);
  return {
    ...others,
    ...(codes !== undefined && { codes }),
    thought: rescaledBoxes(thought, { x: width / across, y: height / down }),
  };
}

/** Pictures and the codes that are made of them. */
async function encoded(decoded: ExamplePictures, vision: VisionTokenizer): Promise<Pictures> {
  const pictures = fittedPictures(decoded, vision);
  return pairOf(pictures, await vision.encode(pictures), vision);
}

/** Fitted pictures with their codes, source first; a target may be missing. */
export function pairOf(
  pictures: readonly Picture[],
  grids: readonly CodeGrid[],
  vision: VisionTokenizer,
): Pictures {
  // What the codes leave out at the edges no policy can write, so nothing is compared with it.
  const [source, target] = pictures.map((one, index) => {
    const { width, height } = vision.pictureSizeOf(grids[index]!);
    return topLeft(one, width, height);
  });
  return {
    source: source!,
    sourceCodes: grids[0]!,
    ...(target === undefined ? {} : { target, targetCodes: grids[1]! }),
  };
}

/** Codes that are there already, and the pictures that they are of: decoded from them where the example has none. */
async function withCodes(
  decoded: ExamplePictures,
  { source: sourceCodes, target: targetCodes }: ExampleCodes,
  vision: VisionTokenizer,
): Promise<Pictures> {
  if (
    targetCodes !== undefined &&
    (targetCodes.rows !== sourceCodes.rows || targetCodes.columns !== sourceCodes.columns)
  ) {
    throw new DataError(
      `The target's codes are ${targetCodes.rows} × ${targetCodes.columns}, the source's ${sourceCodes.rows} × ${sourceCodes.columns}.`,
      { hint: "A policy writes the target on the source's grid: encode both pictures at one size." },
    );
  }
  const given = [
    { codes: sourceCodes, picture: decoded.source },
    ...(targetCodes === undefined ? [] : [{ codes: targetCodes, picture: decoded.target }]),
  ];
  const unseen = given.filter(({ picture }) => picture === undefined).map(({ codes }) => codes);
  const shown = unseen.length === 0 ? [] : await vision.decode(unseen);
  const [source, target] = given.map(({ codes, picture }) => {
    if (picture === undefined) return shown.shift()!;
    const { width, height } = vision.pictureSizeOf(codes);
    return resize(picture, width, height);
  });
  return {
    source: source!,
    sourceCodes,
    ...(targetCodes === undefined ? {} : { target: target!, targetCodes }),
  };
}

/**
 * Source and target at the size that the source should have: a policy writes the target on the source's grid. Throws
 * DataError where their shapes differ.
 */
export function fittedPictures({ source, target }: ExamplePictures, vision: VisionTokenizer): Picture[] {
  if (source === undefined) throw new DataError("It has no source picture.");
  const { width, height } = vision.fittingSize(source.width, source.height);
  if (target === undefined) return [resize(source, width, height)];
  const stretch = (target.width * source.height) / (target.height * source.width);
  if (Math.abs(Math.log(stretch)) > Math.log(1 + SHAPE_TOLERANCE)) {
    throw new DataError(
      `The target has another shape (${target.width} × ${target.height}) than the source (${source.width} × ${source.height}).`,
      { hint: "Crop one to the other's shape; other sizes of one shape are resized." },
    );
  }
  return [resize(source, width, height), resize(target, width, height)];
}

export interface Pictures {
  readonly source: Picture;
  readonly sourceCodes: CodeGrid;
  readonly target?: Picture;
  readonly targetCodes?: CodeGrid;
}

function laidOut(example: EditExample, parts: PreparationParts, pictures: Pictures): PreparedEdit {
  const { id, task, instruction, thought, captions, expected } = example;
  const { sourceCodes, targetCodes } = pictures;
  const writes = parts.thoughts ? "thought" : "image";
  const prompt = promptOf(parts.tokens, { source: sourceCodes, instruction, writes });
  const base = {
    id,
    task,
    instruction,
    ...pictures,
    prompt,
    ...(captions !== undefined && { captions }),
    ...(expected !== undefined && { expected }),
  };
  if (targetCodes === undefined) return base;
  const pair = trainingPair(parts.tokens, {
    source: sourceCodes,
    instruction,
    target: targetCodes,
    thought: parts.thoughts ? thought : undefined,
  });
  const constraints = constraintsOf(parts.grammar, pair.prompt, pair.completion);
  return { ...base, demonstration: { prompt: pair.prompt, ids: pair.completion, constraints } };
}
