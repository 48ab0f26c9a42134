/** Whether the codes that datasets hold are in the policy's own language. */

import type { EditDataset } from "../data/edit-dataset.ts";
import { DataError } from "../errors.ts";
import { visionFingerprint } from "../tokens/vision-fingerprint.ts";
import type { VisionTokenizer } from "../tokens/vision-tokenizer.ts";

/** Throws DataError for a dataset whose codes another vision tokenizer made: its pictures would be noise to the policy. */
export async function requireOwnCodes(
  datasets: readonly Pick<EditDataset, "directory" | "codesOf">[],
  vision: VisionTokenizer,
): Promise<void> {
  const coded = datasets.filter(({ codesOf }) => codesOf !== undefined);
  if (coded.length === 0) return;
  const { fingerprint } = await visionFingerprint(vision);
  const other = coded.find(({ codesOf }) => codesOf?.fingerprint !== fingerprint);
  if (other === undefined) return;
  throw new DataError(
    `The codes of ${other.directory} were made by another vision tokenizer than the policy's.`,
    {
      hint: "Prepare the data with this policy (`earl data prepare`), or train the one that they were made for.",
    },
  );
}
