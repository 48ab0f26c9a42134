/** What tells the source pictures of a dataset apart once they are codes. */

import { createHash } from "node:crypto";

import type { EditExample } from "../data/edit-dataset.ts";

/** The dataset's own key, or a hash of the source picture's bytes or codes, 16 hex digits. */
export function sourceKeyOf({ id, source, sourceKey, codes }: EditExample): string {
  if (sourceKey !== undefined) return sourceKey;
  const content = source ?? (codes === undefined ? Buffer.from(id) : Buffer.from(codes.source.codes.buffer));
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}
