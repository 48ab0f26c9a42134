/** Some rows of a dataset, in an order of their own, as a dataset. */

import type { EditDataset } from "./edit-dataset.ts";

/** `rows` are numbers of rows of the dataset, each at most once. */
export function selectedRows(dataset: EditDataset, rows: readonly number[]): EditDataset {
  return {
    ...dataset,
    count: rows.length,
    notices: [...dataset.notices, `${rows.length} of ${dataset.count} rows are taken.`],
    read: async (indices) =>
      dataset.read(
        indices.map((index) => {
          const row = rows[index];
          if (row === undefined) throw new RangeError(`There are ${rows.length} rows, no row ${index}.`);
          return row;
        }),
      ),
  };
}
