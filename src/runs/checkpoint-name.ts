/** Names of checkpoint folders: the stage and the steps that are complete, "grpo-000120". */

import { STAGES, type Stage } from "./event.ts";

export const CHECKPOINT_NAME = new RegExp(`^(${STAGES.join("|")})-\\d+$`);

export function checkpointName(stage: Stage, step: number): string {
  return `${stage}-${String(step).padStart(6, "0")}`;
}

/** True for names that `checkpointName` gives. */
export function isCheckpointName(name: string): boolean {
  return CHECKPOINT_NAME.test(name);
}
