/** Which source picture each row of a dataset has. */

import type { EditDataset, EditExample } from "../edit-dataset.ts";
import { keptKeys, keyOf, type Key, type KeyReading } from "../kept-keys.ts";
import type { RowKeys } from "./held-out.ts";

/**
 * Of every row, by number: a hash of its source picture's bytes or codes, and one of its `sourceKey`, or the same where
 * it has none.
 */
export async function sourceKeys(
  dataset: EditDataset,
  reading: Pick<KeyReading, "options" | "onProgress">,
): Promise<RowKeys> {
  const [pictures, sessions] = await keptKeys(dataset, { ...reading, name: "sources", columns: 2, keysOf });
  return { pictures: pictures!, sessions: sessions! };
}

function keysOf(example: EditExample): [picture: Key, session: Key] {
  const picture = pictureKeyOf(example);
  const { sourceKey } = example;
  return [picture, sourceKey === undefined ? picture : keyOf(`session ${sourceKey}`)];
}

/** Pictures that are equal to the byte are the same; those that were stored anew are found by `earl data overlap`. */
function pictureKeyOf({ id, source, codes }: EditExample): Key {
  if (source !== undefined) return keyOf(source);
  if (codes === undefined) return keyOf(`id ${id}`);
  const { rows, columns, codes: grid } = codes.source;
  return keyOf(`codes ${rows} ${columns} ${grid.join(" ")}`);
}
