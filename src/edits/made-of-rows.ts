/** What is made of a dataset's rows, where some of them cannot be read: those go to the ledger, the others go on. */

import type { BrokenRows } from "../data/broken-rows.ts";
import { isBroken, type EditDataset, type EditExample } from "../data/edit-dataset.ts";
import { DataError } from "../errors.ts";
import { atMost } from "../data/at-most.ts";

export interface RowSource extends Pick<EditDataset, "count" | "read"> {
  readonly brokenRows: BrokenRows;
}

/** Rows whose pictures are decoded at the same time; sharp has four threads, and a picture may take 50 MB. */
const DECODED_AT_ONCE = 4;

/**
 * What `make` gives for each of these rows, by number, in the order asked; a row for which it throws DataError is broken
 * and left out. Throws DataError where too many are.
 */
export async function madeOfRows<Result>(
  { read, brokenRows }: RowSource,
  indices: readonly number[],
  make: (example: EditExample) => Promise<Result>,
): Promise<Map<number, Result>> {
  const wanted = [...new Set(indices)].filter((index) => !brokenRows.has(index));
  const rows = wanted.length === 0 ? [] : await read(wanted);
  const results = await atMost(DECODED_AT_ONCE, rows, async (row) => {
    if (isBroken(row)) return row;
    try {
      return { made: await make(row) };
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      return { origin: row.origin ?? row.id, broken: reasonOf(error.message, row) };
    }
  });
  const made = new Map<number, Result>();
  for (const [at, result] of results.entries()) {
    const index = wanted[at]!;
    if ("broken" in result) brokenRows.sawBroken(index, result);
    else {
      brokenRows.sawReadable(index);
      made.set(index, result.made);
    }
  }
  brokenRows.requireFew();
  return made;
}

/** The message without the place, which the ledger says itself. */
function reasonOf(message: string, { origin, id }: EditExample): string {
  const places = [`${origin ?? id}: `, `${origin ?? "example"} (${id}), `];
  const place = places.find((one) => message.startsWith(one)) ?? "";
  return message.slice(place.length).replace(/\.$/, "");
}
