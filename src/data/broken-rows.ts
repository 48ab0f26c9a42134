/**
 * The ledger of a dataset's rows that cannot be read: each is counted once, named once, and listed for the manifest.
 * Too many of them mean that something else is wrong, so past a share of the rows seen nothing goes on.
 */

import { DataError } from "../errors.ts";
import type { BrokenRow, DatasetPart, DatasetSplit, EditDataset } from "./edit-dataset.ts";

/** Share of the rows seen that may be broken, where no setting says otherwise. */
export const MOST_BROKEN_SHARE = 0.05;

/** A share of fewer rows than this says nothing: one cut picture among the first ten is no rotten dataset. */
const ROWS_TO_JUDGE_BY = 100;
/** Rows that are named while they are found. */
const NAMED_ROWS = 10;
/** Rows that the record lists; it counts all. */
const LISTED_ROWS = 1000;
const SHOWN_IN_ERROR = 3;

export interface BrokenRowsOptions {
  /** 0…1; 0 stops at the first broken row. */
  readonly maxShare: number;
  /** Hears of the rows as they are found, a sentence each, until it is told that the rest is only counted. */
  readonly onNotice?: ((notice: string) => void) | undefined;
}

/** What a manifest says of a split's rows. */
export interface BrokenRowsRecord {
  readonly directory: string;
  readonly split: DatasetSplit;
  readonly rows: number;
  /** Left out because an earlier row has their id. */
  readonly repeated: number;
  /** Rows that were looked at so far. */
  readonly seen: number;
  readonly broken: number;
  /** The first of them by number, with what is wrong. */
  readonly listed: readonly (BrokenRow & { readonly index: number })[];
  /** Of a mixture, whose `rows` are those of its sources, each once. */
  readonly sources?: readonly SourceRowsRecord[];
  /** Of a mixture: a hash of which rows it has in which order, held-out ones left out. */
  readonly order?: string;
}

/** What a manifest says of a source's rows. */
export interface SourceRowsRecord extends Omit<DatasetPart, "first"> {
  readonly seen: number;
  readonly broken: number;
}

type Subject = Pick<
  EditDataset,
  "directory" | "split" | "count" | "repeated" | "parts" | "order" | "numberOf"
>;

/** In a mixture a row counts once, however often it is repeated, and each source is judged by its own rows. */
export class BrokenRows {
  readonly #dataset: Subject;
  readonly #options: BrokenRowsOptions;
  readonly #parts: readonly JudgedPart[];
  /** By number of the row. */
  readonly #found = new Map<number, BrokenRow>();
  /** One byte a row: 1 once it was looked at. */
  readonly #looked: Uint8Array;

  constructor(dataset: Subject, options: BrokenRowsOptions) {
    this.#dataset = dataset;
    this.#options = options;
    const parts = dataset.parts ?? [{ rows: dataset.count, first: 0 }];
    this.#parts = parts.map((part) => ({ ...part, seen: 0, broken: 0 }));
    this.#looked = new Uint8Array(parts.reduce((sum, { rows }) => sum + rows, 0));
  }

  /** Known to be broken. */
  has(index: number): boolean {
    return this.#found.has(this.#numberOf(index));
  }

  sawReadable(index: number): void {
    this.#look(this.#numberOf(index));
  }

  sawBroken(index: number, row: BrokenRow): void {
    const number = this.#numberOf(index);
    this.#look(number);
    if (!this.#find(number, row)) return;
    const { onNotice } = this.#options;
    if (this.#found.size <= NAMED_ROWS) onNotice?.(`Left out: ${sentence(row)}`);
    if (this.#found.size === NAMED_ROWS) {
      onNotice?.(`Further broken rows of the split ${this.#dataset.split} are counted, not named.`);
    }
  }

  /** Throws DataError where more than the permitted share of the rows is broken. Call it before anything is made of them. */
  requireFew(): void {
    for (const part of this.#parts) this.#requireFewOf(part);
  }

  #requireFewOf({ name, first, rows, seen, broken }: JudgedPart): void {
    const { maxShare } = this.#options;
    const { split, directory } = this.#dataset;
    // A small share needs more rows than a hundred to be told from none.
    const enough = Math.min(rows, Math.max(ROWS_TO_JUDGE_BY, maxShare > 0 ? 1 / maxShare : 0));
    if (broken <= maxShare * Math.max(seen, enough)) return;
    const named = this.#listed(SHOWN_IN_ERROR, first, first + rows).map((row) => `\n  ${sentence(row)}`);
    const more = broken - named.length;
    const where = name === undefined ? `the split ${split} of ${directory}` : `${name} (${split})`;
    throw new DataError(
      `${broken} of the ${seen} rows seen of ${where} cannot be read, more than data.maxBrokenShare (${maxShare}) allows:${named.join("")}${more > 0 ? `\n  and ${more} more` : ""}`,
      { hint: "Fetch or repair the dataset, or raise data.maxBrokenShare to do without these rows." },
    );
  }

  /** The rows from `from` to before `to` that were found broken so far, in their order. */
  between(from: number, to: number): (BrokenRow & { readonly index: number })[] {
    return this.#listed(Infinity, from, to);
  }

  /** As it stands now; equal once the same rows were looked at, in whatever order. */
  get record(): BrokenRowsRecord {
    const { directory, split, repeated, parts, order } = this.#dataset;
    const sum = (of: (part: JudgedPart) => number): number =>
      this.#parts.reduce((total, part) => total + of(part), 0);
    return {
      directory,
      split,
      rows: this.#looked.length,
      repeated,
      seen: sum(({ seen }) => seen),
      broken: this.#found.size,
      listed: this.#listed(LISTED_ROWS),
      ...(parts !== undefined && {
        sources: parts.map(({ name, weight, rows, taken }, at) => {
          const { seen, broken } = this.#parts[at]!;
          return { name, weight, rows, taken, seen, broken };
        }),
      }),
      ...(order !== undefined && { order }),
    };
  }

  /**
   * Takes over what an earlier sitting of the same run had found, so that the share goes on from there: rows that it saw
   * are not seen anew for the first time, and a resumed run does not stop where the uninterrupted one went on.
   */
  restore(earlier: Pick<BrokenRowsRecord, "seen" | "listed" | "sources">): void {
    for (const { index, origin, broken } of earlier.listed) {
      if (index >= this.#looked.length) continue;
      this.#look(index);
      this.#find(index, { origin, broken });
    }
    for (const [at, part] of this.#parts.entries()) {
      const { seen } = earlier.sources === undefined ? earlier : (earlier.sources[at] ?? { seen: 0 });
      part.seen = Math.min(part.rows, Math.max(part.seen, seen));
    }
  }

  #numberOf(index: number): number {
    return this.#dataset.numberOf?.(index) ?? index;
  }

  #partOf(number: number): JudgedPart {
    return this.#parts.findLast(({ first }) => first <= number)!;
  }

  #look(number: number): void {
    if (this.#looked[number] === 1) return;
    this.#looked[number] = 1;
    const part = this.#partOf(number);
    part.seen = Math.min(part.rows, part.seen + 1);
  }

  /** False where it was found before. */
  #find(number: number, row: BrokenRow): boolean {
    if (this.#found.has(number)) return false;
    this.#found.set(number, row);
    this.#partOf(number).broken += 1;
    return true;
  }

  #listed(most: number, from = 0, to = Number.POSITIVE_INFINITY): (BrokenRow & { index: number })[] {
    return [...this.#found]
      .filter(([number]) => from <= number && number < to)
      .toSorted(([left], [right]) => left - right)
      .slice(0, most)
      .map(([index, row]) => ({ index, ...row }));
  }
}

/** Rows that are judged together: a whole dataset, or a source of a mixture. */
interface JudgedPart extends Pick<DatasetPart, "first" | "rows"> {
  readonly name?: string;
  seen: number;
  broken: number;
}

function sentence({ origin, broken }: BrokenRow): string {
  return `${origin}: ${broken}.`;
}
