/** A run goes on with the data it began with, or not at all: its numbers would be those of neither dataset. */

import { existsSync } from "node:fs";

import { fingerprintDifference, type FileFingerprint } from "../data/fingerprint.ts";
import { DataError } from "../errors.ts";
import { readManifest } from "../runs/manifest.ts";
import type { RunDirectory } from "../runs/run-directory.ts";

/** Throws DataError that says what changed since the run began. Files that were copied or touched did not. */
export function refuseChangedData(directory: RunDirectory, now: readonly FileFingerprint[]): void {
  if (!existsSync(directory.manifest)) return;
  const changes = fingerprintDifference(readManifest(directory.manifest).data, now);
  if (changes.length === 0) return;
  throw new DataError(
    `The data of the run ${directory.path} changed since it began:\n  ${changes.join("\n  ")}`,
    { hint: "Put back the files it began with, or train on these under another `name`." },
  );
}
