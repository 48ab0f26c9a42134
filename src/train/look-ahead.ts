/** Makes the next step's examples ready while the engine works on this step's. */

import type { PreparedEdit, PreparedEdits } from "../edits/prepared-edit.ts";

/** The examples of a step; those of the step after it are begun at once. A failure shows when its step comes. */
export function lookAhead(
  edits: PreparedEdits,
  batchOf: (step: number) => number[],
): (step: number) => Promise<PreparedEdit[]> {
  let ahead: { readonly step: number; readonly batch: Promise<PreparedEdit[]> } | undefined;
  return (step) => {
    const batch = ahead?.step === step ? ahead.batch : edits.take(batchOf(step));
    const next = edits.take(batchOf(step + 1));
    next.catch(() => undefined);
    ahead = { step: step + 1, batch: next };
    return batch;
  };
}
