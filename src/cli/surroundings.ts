/** What a command is given besides its arguments, so that tests can run one without a terminal. */

import type { Clock } from "../runs/clock.ts";
import { Progress, type ProgressStream } from "./progress.ts";

export interface Surroundings {
  /** Results: what one would pipe into a file. */
  readonly stdout: ProgressStream;
  /** Progress and messages. */
  readonly stderr: ProgressStream;
  readonly clock: Clock;
  /** True where stderr is a terminal that can redraw a line. */
  readonly isLive: boolean;
  /** The command as it was typed, for the manifest. */
  readonly commandLine: string;
}

/** Progress on the surroundings' stderr. */
export function progressOn(surroundings: Surroundings): Progress {
  const { stderr: stream, clock, isLive } = surroundings;
  return new Progress({ stream, clock, isLive });
}
