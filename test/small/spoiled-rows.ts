/** Spoils rows of a parquet file with OmniEdit's columns: what scrapers, disks and half-finished exports leave behind. */

import { readFileSync, writeFileSync } from "node:fs";

import { parquetReadObjects } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";

import { OMNIEDIT_COLUMNS, OMNIEDIT_SCHEMA } from "../../src/data/omniedit-schema.ts";

type Cells = Record<string, unknown>;

const withBytes = (bytes: unknown) => ({ bytes, path: "" });
const text = (words: string): Uint8Array => new TextEncoder().encode(words);

export const SPOILS = {
  "a cut picture": (row: Cells) => ({
    src_img: withBytes((row["src_img"] as { bytes: Uint8Array }).bytes.subarray(0, 60)),
  }),
  "a picture of null": () => ({ edited_img: null }),
  "bytes of null": () => ({ src_img: withBytes(null) }),
  "an empty picture": () => ({ src_img: withBytes(new Uint8Array(0)) }),
  "an HTML page": () => ({ edited_img: withBytes(text("<html>404 Not Found</html>")) }),
  "a Git LFS pointer": () => ({
    src_img: withBytes(text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")),
  }),
  "no instruction": () => ({ edited_prompt_list: [] }),
  "an id of null": () => ({ omni_edit_id: null }),
} as const satisfies Record<string, (row: Cells) => Cells>;

/** Spoils rows of the file, by their numbers. */
export async function spoilRows(
  path: string,
  spoils: Readonly<Record<number, keyof typeof SPOILS>>,
): Promise<void> {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  const file = buffer.slice(byteOffset, byteOffset + byteLength);
  const rows = await parquetReadObjects({ file, utf8: false });
  for (const [index, spoil] of Object.entries(spoils)) {
    const row = rows[Number(index)];
    if (row === undefined) throw new RangeError(`There is no row ${index}.`);
    Object.assign(row, SPOILS[spoil](row));
  }
  const columnData = OMNIEDIT_COLUMNS.map((name) => ({ name, data: rows.map((row) => row[name]) }));
  writeFileSync(path, new Uint8Array(parquetWriteBuffer({ columnData, schema: OMNIEDIT_SCHEMA })));
}
