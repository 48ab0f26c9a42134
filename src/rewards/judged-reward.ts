/** What rewards that ask one question after the other about each edit have in common. */

import type { JudgeVerdict } from "../judge/verdict.ts";
import type { DecodedEdit, EditNeed, Reward } from "./reward.ts";

export interface EditJudge extends AsyncDisposable {
  readonly name: string;
  readonly needs: readonly EditNeed[];
  readonly range: readonly [number, number];
  readonly provenance?: Readonly<Record<string, string>>;
  /** Rejects when the signal aborts; whatever else it throws is the edit's verdict. */
  judge(edit: DecodedEdit, signal: AbortSignal): Promise<JudgeVerdict>;
}

/** A reward that judges its edits at once, and waits for all of them before it stops. */
export function judgedReward(judge: EditJudge): Reward {
  const { name, needs, range, provenance } = judge;
  return {
    name,
    needs,
    range,
    asksServer: true,
    ...(provenance !== undefined && { provenance }),
    async score(edits, { signal }) {
      signal.throwIfAborted();
      const verdicts = await Promise.all(edits.map((edit) => verdictOn(judge, edit, signal)));
      signal.throwIfAborted();
      return verdicts;
    },
    [Symbol.asyncDispose]: () => judge[Symbol.asyncDispose](),
  };
}

/** One bad picture is a failed verdict; it must not end the run, nor the verdicts on others. */
async function verdictOn(judge: EditJudge, edit: DecodedEdit, signal: AbortSignal): Promise<JudgeVerdict> {
  const missing = judge.needs.find((need) => edit[need] === undefined);
  if (missing !== undefined)
    return { kind: "unparsable", reason: `example ${edit.exampleId} has no ${missing}` };
  try {
    return await judge.judge(edit, signal);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return { kind: "unparsable", reason: `example ${edit.exampleId}: ${reason}` };
  }
}
