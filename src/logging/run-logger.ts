/** Who else hears what a run says: files in the formats of programs that people look at already. */

import type { RunEvent } from "../runs/event.ts";

export interface RunLogger {
  /** Every event of a sitting, in its order. A fault ends this logger, not the run. */
  event(event: RunEvent): void;
}

export interface LoggerContext {
  /** Folder for its files; it need not be there. */
  readonly folder: string;
  /** Where the pictures lie that events name. */
  readonly images: string;
}
