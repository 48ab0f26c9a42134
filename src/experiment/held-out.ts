/**
 * Held-out evaluation: arms (the source copied unchanged, and policies) on the same edits, sampled at temperature 1 and
 * greedily, as a table with intervals and as pictures side by side.
 */

import type { PolicyEngine } from "../engine/policy-engine.ts";
import { armEdits, armResults, copiedSource } from "../evaluate/arms.ts";
import { evaluatePolicy } from "../evaluate/evaluate-policy.ts";
import { referenceReward } from "../rewards/reference.ts";
import type { PreparedEdit } from "../edits/prepared-edit.ts";
import { loggedCompletion, savePicture } from "../rollout/logged-group.ts";
import type { ScoredGroup } from "../rollout/scored-group.ts";
import type { ArmResult } from "../runs/event.ts";
import type { Recorder } from "../runs/recorder.ts";
import type { PolicyStart } from "./policy-start.ts";

export const COPY_ARM = "source copied";

/** Ways of decoding that a table shows, in order; the first one's pictures are shown side by side. */
const DECODINGS = [
  { name: "temperature 1", temperature: 1 },
  { name: "greedy", temperature: 0 },
] as const;

export interface PolicyArm {
  readonly name: string;
  /** Opens an engine with the arm's weights; it is closed when the arm is scored. */
  readonly open: () => Promise<PolicyEngine>;
}

export interface HeldOutRequest {
  readonly policy: Pick<PolicyStart, "tokens" | "vision">;
  readonly edits: readonly PreparedEdit[];
  readonly arms: readonly PolicyArm[];
  readonly maxTokens: number;
  readonly seed: number;
  /** Hears when an arm is scored in one way of decoding. */
  readonly onDone?: (done: number, total: number) => void;
}

export interface HeldOutResults {
  readonly results: readonly ArmResult[];
  /** What each policy arm wrote at temperature 1, in the order of the edits. */
  readonly samples: ReadonlyMap<string, readonly ScoredGroup[]>;
}

/** Scores every arm. Throws DataError where nothing could be scored. */
export async function evaluateHeldOut(request: HeldOutRequest): Promise<HeldOutResults> {
  const { policy, edits, arms, maxTokens, seed, onDone } = request;
  const results = armResults(COPY_ARM, "—", await copiedSource(edits, referenceReward));
  const samples = new Map<string, ScoredGroup[]>();
  const total = arms.length * DECODINGS.length;
  let done = 0;
  for (const arm of arms) {
    await using engine = await arm.open();
    const parts = { engine, ...policy, reward: referenceReward };
    for (const { name, temperature } of DECODINGS) {
      const groups = await evaluatePolicy(parts, edits, { temperature, maxTokens, seed });
      results.push(...armResults(arm.name, name, armEdits(groups)));
      if (temperature > 0) samples.set(arm.name, groups);
      done += 1;
      onDone?.(done, total);
    }
  }
  return { results, samples };
}

/** Records the table, and the first `comparisons` edits side by side. */
export function recordHeldOut(
  recorder: Recorder,
  { results, samples }: HeldOutResults,
  comparisons: number,
): void {
  const arms = [...samples];
  const edits = arms[0]?.[1].map(({ edit }) => edit) ?? [];
  for (const [index, { id, task, instruction, source, target }] of edits.slice(0, comparisons).entries()) {
    if (target === undefined) continue;
    recorder.record({
      kind: "comparison-logged",
      exampleId: id,
      task,
      instruction,
      source: savePicture(recorder, source),
      target: savePicture(recorder, target),
      arms: arms.flatMap(([arm, groups]) => {
        const written = groups[index]?.completions[0];
        return written === undefined ? [] : [{ arm, ...loggedCompletion(recorder, written) }];
      }),
    });
  }
  recorder.record({ kind: "arms-evaluated", results });
}
