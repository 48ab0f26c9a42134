/** Keeps what a run's manifest says of its data up to date while the run goes on. */

import { completeFingerprints, sameFile, type FileFingerprint } from "../data/fingerprint.ts";
import type { OpenRun } from "../runs/open-run.ts";
import type { RunDatasets } from "./run-datasets.ts";

interface Fingerprints {
  /** Of the sittings before this one. */
  readonly earlier: readonly FileFingerprint[];
  readonly now: readonly FileFingerprint[];
}

/**
 * The rows that could not be read are written down with every checkpoint and when it is disposed of; hashes of whole
 * files as they come, which takes the time it takes and is given up when the run ends. `onNotice` hears of a file whose
 * hash shows what its sample had not: that it changed since the run began.
 */
export function followData(
  run: OpenRun,
  datasets: RunDatasets,
  { earlier, now }: Fingerprints,
  onNotice: (notice: string) => void,
): Disposable {
  const known = (file: FileFingerprint): FileFingerprint | undefined =>
    earlier.find((one) => sameFile(one, file));
  // Nobody reads a file again that was read whole and was not touched since.
  const data = now.map((file) => {
    const before = known(file);
    return before?.modified === file.modified ? { ...before, ...file } : file;
  });
  const over = new AbortController();
  const amend = (): void => run.amendManifest({ data: [...data], rows: datasets.records });
  const unsubscribe = run.recorder.subscribe(({ kind }) => {
    if (kind === "checkpoint-saved") amend();
  });
  const completed = completeFingerprints(data, over.signal, (whole) => {
    data[data.findIndex((one) => sameFile(one, whole))] = whole;
    const before = known(whole)?.sha256;
    if (before !== undefined && before !== whole.sha256) {
      onNotice(`${whole.folder}/${whole.file} has other content than when the run began.`);
    }
    amend();
  });
  // A hash is for the record; whoever trains will meet what is wrong with the file or the disk.
  completed.catch(() => undefined);
  return {
    [Symbol.dispose]() {
      over.abort();
      unsubscribe();
      amend();
    },
  };
}
