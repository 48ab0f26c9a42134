/**
 * The ledger of a dataset's rows that cannot be read: each is counted once, named once, and listed for the manifest.
 * Too many of them mean that something else is wrong, so past a share of the rows seen nothing goes on.
 */

import { DataError } from "../errors.ts";
import type { BrokenRow, DatasetSplit, EditDataset } from "./edit-dataset.ts";

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
}

type Subject = Pick<EditDataset, "directory" | "split" | "count" | "repeated">;

export class BrokenRows {
  readonly #dataset: Subject;
  readonly #options: BrokenRowsOptions;
  readonly #found = new Map<number, BrokenRow>();
  /** One byte a row: 1 once it was looked at. */
  readonly #looked: Uint8Array;
  #seen = 0;

  constructor(dataset: Subject, options: BrokenRowsOptions) {
    this.#dataset = dataset;
    this.#options = options;
    this.#looked = new Uint8Array(dataset.count);
  }

  /** Known to be broken. */
  has(index: number): boolean {
    return this.#found.has(index);
  }

  sawReadable(index: number): void {
    this.#look(index);
  }

  sawBroken(index: number, row: BrokenRow): void {
    this.#look(index);
    if (this.#found.has(index)) return;
    this.#found.set(index, row);
    const { onNotice } = this.#options;
    if (this.#found.size <= NAMED_ROWS) onNotice?.(`Left out: ${sentence(row)}`);
    if (this.#found.size === NAMED_ROWS) {
      onNotice?.(`Further broken rows of the split ${this.#dataset.split} are counted, not named.`);
    }
  }

  /** Throws DataError where more than the permitted share of the rows is broken. Call it before anything is made of them. */
  requireFew(): void {
    const { maxShare } = this.#options;
    const { split, count, directory } = this.#dataset;
    // A small share needs more rows than a hundred to be told from none.
    const enough = Math.min(count, Math.max(ROWS_TO_JUDGE_BY, maxShare > 0 ? 1 / maxShare : 0));
    const allowed = maxShare * Math.max(this.#seen, enough);
    if (this.#found.size <= allowed) return;
    const named = this.#listed(SHOWN_IN_ERROR).map((row) => `\n  ${sentence(row)}`);
    const more = this.#found.size - named.length;
    throw new DataError(
      `${this.#found.size} of the ${this.#seen} rows seen of the split ${split} of ${directory} cannot be read, more than data.maxBrokenShare (${maxShare}) allows:${named.join("")}${more > 0 ? `\n  and ${more} more` : ""}`,
      { hint: "Fetch or repair the dataset, or raise data.maxBrokenShare to do without these rows." },
    );
  }

  /** As it stands now; equal once the same rows were looked at, in whatever order. */
  get record(): BrokenRowsRecord {
    const { directory, split, count, repeated } = this.#dataset;
    return {
      directory,
      split,
      rows: count,
      repeated,
      seen: this.#seen,
      broken: this.#found.size,
      listed: this.#listed(LISTED_ROWS),
    };
  }

  /**
   * Takes over what an earlier sitting of the same run had found, so that the share goes on from there: rows that it saw
   * are not seen anew for the first time, and a resumed run does not stop where the uninterrupted one went on.
   */
  restore(earlier: Pick<BrokenRowsRecord, "seen" | "listed">): void {
    for (const { index, origin, broken } of earlier.listed) {
      if (index < this.#looked.length && !this.#found.has(index)) {
        this.#look(index);
        this.#found.set(index, { origin, broken });
      }
    }
    this.#seen = Math.min(this.#looked.length, Math.max(this.#seen, earlier.seen));
  }

  #look(index: number): void {
    if (this.#looked[index] === 1) return;
    this.#looked[index] = 1;
    this.#seen = Math.min(this.#looked.length, this.#seen + 1);
  }

  #listed(most: number): (BrokenRow & { index: number })[] {
    return [...this.#found]
      .toSorted(([left], [right]) => left - right)
      .slice(0, most)
      .map(([index, row]) => ({ index, ...row }));
  }
}

function sentence({ origin, broken }: BrokenRow): string {
  return `${origin}: ${broken}.`;
}
