/** Reads a grammar along one completion as it grows: what may come next, what is certain ahead, whether an id is allowed. */

import { DataError } from "../errors.ts";
import type { GrammarPart, Segment } from "./grammar.ts";

/** What may stand at a place. */
export type Constraint =
  | { readonly kind: "forced"; readonly id: number }
  /** `segment` indexes the grammar's segments. */
  | { readonly kind: "free"; readonly segment: number }
  | { readonly kind: "end" };

/** Parts are looked up by every completion of a prompt, banned ids by every id of a text. */
const BANNED = new WeakMap<Segment, ReadonlySet<number>>();

export class GrammarFollower {
  readonly #segments: readonly Segment[];
  readonly #parts: readonly GrammarPart[];
  /** The part that the next id belongs to, and its place in there. */
  #part = 0;
  #place = 0;
  #written = 0;

  /** `parts` are those of the completion's prompt. */
  constructor(segments: readonly Segment[], parts: readonly GrammarPart[]) {
    this.#segments = segments;
    this.#parts = parts.filter((part) => lengthOf(part) > 0);
  }

  /** What may come next. */
  next(): Constraint {
    const part = this.#parts[this.#part];
    return part === undefined ? { kind: "end" } : constraintAt(part, this.#place);
  }

  /**
   * What may come at the next places whatever is drawn, as far as that is certain: at least `next()`, at most `count`
   * places; an end is the last.
   */
  ahead(count: number): Constraint[] {
    const constraints: Constraint[] = [];
    let place = this.#place;
    for (let index = this.#part; index < this.#parts.length; index += 1) {
      const part = this.#parts[index] as GrammarPart;
      // Where a text ends is known only when its last id is drawn.
      const isOpen = "until" in part;
      const end = isOpen ? place + 1 : lengthOf(part);
      for (; place < end && constraints.length < count; place += 1)
        constraints.push(constraintAt(part, place));
      if (constraints.length === count || isOpen) return constraints;
      place = 0;
    }
    return [...constraints, { kind: "end" }];
  }

  /** Takes the id that came. Throws DataError for an id that `next` does not allow. */
  advance(id: number): void {
    const part = this.#parts[this.#part];
    if (part === undefined) {
      throw new DataError(`Id ${id} comes after the end of the completion, which has ${this.#written} ids.`);
    }
    const allowed = constraintAt(part, this.#place);
    const isAllowed = "id" in allowed ? id === allowed.id : this.#isIn(allowed.segment, id);
    if (!isAllowed) throw this.#refusal(id, allowed);
    this.#written += 1;
    this.#place += 1;
    if (this.#place < lengthOf(part) && !("until" in part && id === part.until)) return;
    this.#part += 1;
    this.#place = 0;
  }

  #isIn(index: number, id: number): boolean {
    const segment = this.#segments[index] as Segment;
    let banned = BANNED.get(segment);
    if (banned === undefined) BANNED.set(segment, (banned = new Set(segment.banned)));
    return id >= segment.start && id < segment.end && !banned.has(id);
  }

  #refusal(id: number, allowed: ReturnType<typeof constraintAt>): DataError {
    const wanted =
      "id" in allowed ? `id ${allowed.id}` : `an id of "${this.#segments[allowed.segment]?.name}"`;
    return new DataError(
      `Id ${id} cannot stand at place ${this.#written} of the completion; ${wanted} belongs there.`,
      { hint: "The completion must have the prompt's grid and this policy's vocabulary." },
    );
  }
}

/** Most ids of a part. */
function lengthOf(part: GrammarPart): number {
  if ("forced" in part) return part.forced.length;
  return "count" in part ? part.count : (part.atMost ?? Infinity);
}

function constraintAt(part: GrammarPart, place: number): Exclude<Constraint, { kind: "end" }> {
  if ("forced" in part) return { kind: "forced", id: part.forced[place] as number };
  if ("until" in part && place + 1 === part.atMost) return { kind: "forced", id: part.until };
  return { kind: "free", segment: part.segment };
}
