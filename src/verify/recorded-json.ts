/** JSON files of a recording. */

import { readFile } from "node:fs/promises";
import type { z } from "zod";
import { DataError } from "../errors.ts";
import { refuseLfsPointer } from "../lfs-pointer.ts";

/** As Python writes numbers that JSON does not have, where a value stands. */
const NO_NUMBER = /(?<=[:[,]\s*)(?:NaN|-?Infinity)(?=\s*[,}\]])/g;

/** The file's content, or undefined where there is none or it is no JSON. Throws DataError for a Git LFS pointer. */
export async function jsonIn(path: string): Promise<unknown> {
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch {
    return undefined;
  }
  refuseLfsPointer(path, content, DataError);
  try {
    return JSON.parse(content.toString("utf8").replaceAll(NO_NUMBER, "null"));
  } catch {
    return undefined;
  }
}

/** Throws DataError that names the file and the first key at fault. */
export async function readRecordedJson<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.infer<Schema>> {
  const parsed = schema.safeParse(await jsonIn(path));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new DataError(`${path}: ${issue?.path.join(".") || "the content"}: ${issue?.message}.`, {
    hint: "docs/agreement.md says what a recording holds.",
  });
}
