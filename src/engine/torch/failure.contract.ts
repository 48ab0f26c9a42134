/** An engine that trains until something is done to it. */

import type { EngineError } from "../../errors.ts";
import type { PolicyEngine, TrainingGroup } from "../policy-engine.ts";

/** A group of one completion of three ids, for a prompt of these. */
export function smallGroup(...prompt: readonly number[]): TrainingGroup {
  const completion = {
    ids: Int32Array.of(3, 1, 4),
    constraints: new Int8Array(3),
    advantage: 1,
    weights: new Float32Array(3).fill(1),
  };
  return {
    prompt: { ids: Int32Array.from(prompt), grid: { rows: 1, columns: 1 }, writes: "image" },
    completions: [completion],
  };
}

/** What its steps fail with, and how many seconds after the act, which comes in the middle of one. */
export async function failureOf(
  engine: PolicyEngine,
  act: () => void,
): Promise<{ readonly error: EngineError; readonly seconds: number }> {
  let start = 0;
  setTimeout(() => {
    start = performance.now();
    act();
  }, 500);
  try {
    for (;;)
      await engine.step([smallGroup(1, 2, 3)], { surrogate: { kind: "on-policy" }, temperature: 1 }, 1e-6);
  } catch (error) {
    return { error: error as EngineError, seconds: (performance.now() - start) / 1000 };
  }
}
