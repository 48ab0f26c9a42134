/** Makes edit examples ready for a policy: decodes pictures, gives them the size it reads, looks up codes, lays out ids. */

import { decodeExample } from "../data/decode-example.ts";
import type { EditDataset } from "../data/edit-dataset.ts";
import type { EditExample } from "../data/edit-example.ts";
import { DataError } from "../errors.ts";
import { topLeft, type Picture } from "../images/picture.ts";
import { resize } from "../images/resize.ts";
import { constraintsOf } from "../tokens/constraints.ts";
import type { Grammar } from "../tokens/grammar.ts";
import { promptOf, trainingPair, type Tokens } from "../tokens/sequence.ts";
import type { CodeGrid, VisionTokenizer } from "../tokens/vision-tokenizer.ts";
import type { PreparedEdit, PreparedEdits } from "./prepared-edit.ts";

export interface PreparationParts {
  readonly tokens: Tokens;
  readonly vision: VisionTokenizer;
  /** Reads the demonstrations: what of them counts in a loss. */
  readonly grammar: Grammar;
  /** The policy writes a thought before the picture, and demonstrations that have one show it. */
  readonly thoughts: boolean;
  /** Prepared edits are kept for the next time until their pictures take this many bytes; default 256 MiB. */
  readonly keepBytes?: number;
}

/** The examples of a dataset, each prepared at its first use. */
export function prepareEdits(
  dataset: Pick<EditDataset, "count" | "read">,
  parts: PreparationParts,
): PreparedEdits {
  const { keepBytes = 256 * 1024 * 1024 } = parts;
  const kept = new Map<number, PreparedEdit>();
  let bytes = 0;
  return {
    count: dataset.count,
    async take(indices) {
      const missing = [...new Set(indices)].filter((index) => !kept.has(index));
      const examples = missing.length === 0 ? [] : await dataset.read(missing);
      const fresh = new Map<number, PreparedEdit>();
      for (const [at, edit] of (await prepareExamples(examples, parts)).entries()) {
        fresh.set(missing[at]!, edit);
        if (bytes >= keepBytes) continue;
        kept.set(missing[at]!, edit);
        bytes += edit.source.pixels.length + (edit.target?.pixels.length ?? 0);
      }
      return indices.map((index) => kept.get(index) ?? fresh.get(index)!);
    },
  };
}

/** The examples made ready, in order. Throws DataError naming the example that cannot be. */
export async function prepareExamples(
  examples: readonly EditExample[],
  parts: PreparationParts,
): Promise<PreparedEdit[]> {
  return Promise.all(examples.map((example) => prepareOne(example, parts)));
}

async function prepareOne(example: EditExample, parts: PreparationParts): Promise<PreparedEdit> {
  const { source, target } = await decodeExample(example);
  try {
    const pictures = (target === undefined ? [source] : [source, target]).map((one) =>
      fitted(one, parts.vision),
    );
    const grids = await parts.vision.encode(pictures);
    // What the codes leave out at the edges no policy can write, so nothing is compared with it.
    const [shown, shownTarget] = pictures.map((one, index) => {
      const { width, height } = parts.vision.pictureSizeOf(grids[index]!);
      return topLeft(one, width, height);
    });
    return laidOut(example, parts, {
      source: shown!,
      sourceCodes: grids[0]!,
      ...(shownTarget === undefined ? {} : { target: shownTarget, targetCodes: grids[1]! }),
    });
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    throw new DataError(`${example.origin ?? example.id}: ${cause.message}`, {
      ...(cause.hint ? { hint: cause.hint } : {}),
      cause,
    });
  }
}

function fitted(picture: Picture, vision: VisionTokenizer): Picture {
  const { width, height } = vision.fittingSize(picture.width, picture.height);
  return resize(picture, width, height);
}

interface Pictures {
  readonly source: Picture;
  readonly sourceCodes: CodeGrid;
  readonly target?: Picture;
  readonly targetCodes?: CodeGrid;
}

function laidOut(example: EditExample, parts: PreparationParts, pictures: Pictures): PreparedEdit {
  const { id, task, instruction, thought } = example;
  const { sourceCodes, targetCodes } = pictures;
  const writes = parts.thoughts ? "thought" : "image";
  const prompt = promptOf(parts.tokens, { source: sourceCodes, instruction, writes });
  const base = { id, task, instruction, ...pictures, prompt };
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
