/**
 * The grammar of an edit. A thought is text that ends where boi is drawn; then the picture, of which only the codes
 * are free: its "rows*columns", img, row ends, eof, eoi and eos follow from the grid. The picture always has the
 * prompt's grid, also where the text before it was left free and says something else (as in EARL's decoding).
 */

import { DataError } from "../errors.ts";
import type { Constraint, Grammar, GrammarState, Segment } from "./grammar.ts";
import type { Prompt } from "./prompt.ts";
import { gridTextIds } from "./sequence.ts";
import type { TextTokenizer } from "./text-tokenizer.ts";
import type { Vocabulary } from "./vocabulary.ts";

export interface EditGrammarOptions {
  /** Lets the policy write "rows*columns" and img itself, as EARL's RL does; forced unless set. */
  readonly freeGridText?: boolean;
}

const IMAGE = 0;
const TEXT = 1;
const GRID_TEXT = 2;

export function editGrammar(
  vocabulary: Vocabulary,
  textTokenizer: TextTokenizer,
  { freeGridText = false }: EditGrammarOptions = {},
): Grammar {
  const { boi, img, imageTokenOffset, codebookSize } = vocabulary;
  const control: number[] = [];
  for (let id = 0; id < imageTokenOffset; id += 1) {
    // Only text has words: control tokens, spare ones and ids that nothing stands for decode to nothing.
    if (textTokenizer.decode([id]) === "") control.push(id);
  }
  const textUntil = (name: string, end: number): Segment => ({
    name,
    start: 0,
    end: imageTokenOffset,
    banned: control.filter((id) => id !== end),
  });
  const segments: Segment[] = [
    { name: "image", start: imageTokenOffset, end: imageTokenOffset + codebookSize, banned: [] },
    textUntil("text", boi),
  ];
  if (freeGridText) segments.push(textUntil("grid-text", img));
  const isControl = new Set(control);
  const isText = (id: number): boolean => id >= 0 && id < imageTokenOffset && !isControl.has(id);
  const isImage = (id: number): boolean => id >= imageTokenOffset && id < imageTokenOffset + codebookSize;

  return {
    segments,
    begin(prompt) {
      const parts: Part[] = [];
      if (prompt.writes === "thought") parts.push({ segment: TEXT, takes: isText, until: boi });
      if (freeGridText) parts.push({ segment: GRID_TEXT, takes: isText, until: img });
      else parts.push({ forced: [...gridTextIds(textTokenizer, prompt.grid), img] });
      parts.push({ forced: pictureForced(vocabulary, prompt), takes: isImage, segment: IMAGE });
      return new PartsState(parts);
    },
  };
}

/** A stretch of a completion: free ids until one that ends it, or a fixed length in which −1 marks the free places. */
type Part =
  | { readonly segment: number; readonly takes: (id: number) => boolean; readonly until: number }
  | {
      readonly forced: readonly number[];
      readonly segment?: number;
      readonly takes?: (id: number) => boolean;
    };

const FREE = -1;

/** Rows of free codes with forced ends, eof, eoi, eos. */
function pictureForced({ eol, eof, eoi, eos }: Vocabulary, { grid }: Prompt): number[] {
  const row = [...Array.from({ length: grid.columns }, () => FREE), eol];
  return [...Array.from({ length: grid.rows }, () => row).flat(), eof, eoi, eos];
}

function constraintAt(part: Part, place: number): Constraint {
  if (!("forced" in part)) return { kind: "free", segment: part.segment };
  const id = part.forced[place] as number;
  return id === FREE ? { kind: "free", segment: part.segment as number } : { kind: "forced", id };
}

class PartsState implements GrammarState {
  readonly #parts: readonly Part[];
  #part = 0;
  #place = 0;

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  next(): Constraint {
    const part = this.#parts[this.#part];
    return part === undefined ? { kind: "end" } : constraintAt(part, this.#place);
  }

  ahead(count: number): Constraint[] {
    const constraints: Constraint[] = [];
    let place = this.#place;
    for (const part of this.#parts.slice(this.#part)) {
      const length = "forced" in part ? part.forced.length : 1;
      for (; place < length && constraints.length < count; place += 1)
        constraints.push(constraintAt(part, place));
      // Where a text ends is known only when its last id is drawn.
      if (constraints.length === count || !("forced" in part)) return constraints;
      place = 0;
    }
    return [...constraints, { kind: "end" }];
  }

  advance(id: number): void {
    const part = this.#parts[this.#part];
    if (part === undefined) throw new DataError(`Id ${id} comes after the end of the completion.`);
    if (!("forced" in part)) {
      if (id === part.until) this.#part += 1;
      else if (!part.takes(id)) throw new DataError(`Id ${id} cannot stand in the text of a completion.`);
      return;
    }
    const forced = part.forced[this.#place] as number;
    if (forced === FREE ? !part.takes?.(id) : id !== forced) {
      throw new DataError(
        `Id ${id} cannot stand at place ${this.#place} of the picture; ${forced === FREE ? "a code" : `id ${forced}`} belongs there.`,
        { hint: "The completion must have the prompt's grid and this policy's vocabulary." },
      );
    }
    this.#place += 1;
    if (this.#place === part.forced.length) {
      this.#part += 1;
      this.#place = 0;
    }
  }
}
