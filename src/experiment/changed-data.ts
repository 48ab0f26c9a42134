/** A run goes on with the data it began with, or not at all: its numbers would be those of neither dataset. */

import { fingerprintDifference, type FileFingerprint } from "../data/fingerprint.ts";
import { DataError } from "../errors.ts";
import type { RunDirectory } from "../runs/run-directory.ts";

/** Throws DataError that says what changed since the run began. Files that were copied or touched did not. */
export function refuseChangedData(
  directory: RunDirectory,
  before: readonly FileFingerprint[],
  now: readonly FileFingerprint[],
): void {
  const changes = fingerprintDifference(before, now);
  if (changes.length === 0) return;
  throw new DataError(
    `The data of the run ${directory.path} changed since it began:\n  ${changes.join("\n  ")}`,
    { hint: "Put back the files it began with, or train on these under another `name`." },
  );
}
