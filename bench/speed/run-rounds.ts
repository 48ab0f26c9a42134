/** Runs measured programs in turn, round after round, so that whatever else the machine does meets them alike. */

import type { Figures } from "./figures.ts";
import type { Arm } from "./measurements.ts";
import { runArm } from "./run-arm.ts";

export interface RoundsRequest {
  readonly rounds: number;
  /** Where the programs run. */
  readonly directory: string;
  /** Hears each arm before it runs: "round 1 of 3, earl". */
  readonly onArm: (line: string) => void;
  /** Hears what it printed. */
  readonly onFigures?: (figures: readonly Figures[]) => void;
}

/** Figures by arm's name, a list a round. Rejects when a program fails or prints none. */
export async function runRounds(
  arms: readonly Arm[],
  { rounds, directory, onArm, onFigures }: RoundsRequest,
): Promise<Map<string, Figures[][]>> {
  const byArm = new Map<string, Figures[][]>();
  for (let round = 1; round <= rounds; round += 1) {
    for (const arm of arms) {
      onArm(`round ${round} of ${rounds}, ${arm.name}`);
      const figures = await runArm(arm, directory);
      onFigures?.(figures);
      byArm.set(arm.name, [...(byArm.get(arm.name) ?? []), figures]);
    }
  }
  return byArm;
}
