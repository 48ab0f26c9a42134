/**
 * Runs a benchmark: arms (the source copied unchanged, and policies) on the same edits, sampled at temperature 1 and
 * greedily. Only the pictures that will be shown are kept.
 */

import type { PreparedEdit } from "../edits/prepared-edit.ts";
import type { PolicyEngine } from "../engine/policy-engine.ts";
import { DataError } from "../errors.ts";
import { askReward } from "../rewards/ask-reward.ts";
import { judgeFault } from "../rollout/judge-fault.ts";
import type { RolloutParts } from "../rollout/rollout.ts";
import { decodedEdit, isTarget } from "../rollout/score-group.ts";
import type { ScoredCompletion, ScoredGroup } from "../rollout/scored-group.ts";
import type { ArmResult, ArmRole, LoggedMeasure } from "../runs/arm-result.ts";
import { armResults, measured, type ArmEdit, type ArmName } from "./arms.ts";
import type { Benchmark, WrittenEdit } from "./benchmark.ts";
import { evaluatedBatches } from "./evaluate-policy.ts";

export const COPY_ARM = "source copied";

/** Ways of decoding that a table shows, in order; the first one's pictures are shown side by side. */
export const DECODINGS = [
  { name: "temperature 1", temperature: 1 },
  { name: "greedy", temperature: 0 },
] as const;

/** Copied sources judged at a time. */
const COPIES_AT_ONCE = 128;

export interface PolicyArm {
  readonly name: string;
  readonly role: Exclude<ArmRole, "copy">;
  /** Opens an engine with the arm's weights; it is closed when the arm is scored. */
  readonly open: () => Promise<PolicyEngine>;
}

/** A benchmark whose edits are at hand. */
type JudgedBenchmark = Pick<Benchmark, "name" | "reward" | "measures">;

export interface BenchmarkRequest {
  readonly benchmark: JudgedBenchmark;
  readonly edits: readonly PreparedEdit[];
  readonly policy: Pick<RolloutParts, "tokens" | "vision">;
  readonly arms: readonly PolicyArm[];
  readonly maxTokens: number;
  readonly seed: number;
  /** Edits, from the first, whose pictures are kept to be shown; default none. */
  readonly comparisons?: number;
  /** Share of failed verdicts of an arm from which on it is an outage of the judge and no result; default: never. */
  readonly maxFailed?: number;
  /** When it aborts, the evaluation rejects with its reason, in the middle of a batch too. */
  readonly signal?: AbortSignal;
  /** Hears when an arm is scored in one way of decoding. */
  readonly onDone?: (done: number, total: number) => void;
}

export interface ArmRows {
  readonly name: ArmName;
  readonly edits: readonly ArmEdit[];
}

/** An edit with what every policy arm wrote at temperature 1. */
export interface Comparison {
  readonly edit: PreparedEdit;
  readonly arms: { readonly arm: string; readonly completion: ScoredCompletion }[];
}

export interface BenchmarkResults {
  readonly benchmark: string;
  readonly measures: readonly LoggedMeasure[];
  /** What the results were made of: the arms in one way of decoding each, edit by edit. */
  readonly arms: readonly ArmRows[];
  readonly results: readonly ArmResult[];
  readonly comparisons: readonly Comparison[];
}

/**
 * Scores every arm. Throws DataError where not even the copied sources can be scored, before anything is generated;
 * JudgeError where more than `maxFailed` of an arm's verdicts failed.
 */
export async function evaluateBenchmark(request: BenchmarkRequest): Promise<BenchmarkResults> {
  const { benchmark, edits, onDone } = request;
  const { name, measures } = benchmark;
  const comparisons = edits
    .slice(0, request.comparisons ?? 0)
    .map((edit): Comparison => ({ edit, arms: [] }));
  const copy: ArmName = { arm: COPY_ARM, role: "copy", benchmark: name, decoding: "—" };
  const arms: ArmRows[] = [{ name: copy, edits: await copiedSources(request) }];
  const total = request.arms.length * DECODINGS.length;
  for (const { name: arm, role, open } of request.arms) {
    await using engine = await open();
    for (const [index, decoding] of DECODINGS.entries()) {
      const shown = index === 0 ? comparisons : [];
      const rows = await policyEdits(request, engine, { arm, decoding, shown });
      arms.push({ name: { arm, role, benchmark: name, decoding: decoding.name }, edits: rows });
      onDone?.(arms.length - 1, total);
    }
  }
  return {
    benchmark: name,
    measures: measures.map(loggedMeasure),
    arms,
    results: arms.flatMap((one) => armResults(one.name, one.edits, measures)),
    comparisons,
  };
}

/** The arm "source copied": what doing nothing scores. */
async function copiedSources({ benchmark, edits, maxFailed, signal }: BenchmarkRequest): Promise<ArmEdit[]> {
  const rows: ArmEdit[] = [];
  const judged: Judged[] = [];
  for (let start = 0; start < edits.length; start += COPIES_AT_ONCE) {
    const batch = await copied(edits.slice(start, start + COPIES_AT_ONCE), benchmark, signal);
    for (const { verdict } of batch) judged.push({ verdict });
    for (const row of await measured(batch, benchmark.measures)) rows.push(row);
  }
  refuseOutage(judged, maxFailed);
  refuseUnscored(judged);
  return rows;
}

/** Throws DataError where no edit has a score: what the reward cannot say of copies it cannot say of edits. */
function refuseUnscored(judged: readonly Judged[]): void {
  const reasons = judged.flatMap(({ verdict }) => (verdict.kind === "scored" ? [] : [verdict.reason]));
  if (reasons.length < judged.length) return;
  throw new DataError(`None of the ${judged.length} edits can be scored: ${reasons[0]}.`, {
    hint: "Check that the edits have what the reward needs, target pictures for example.",
  });
}

async function copied(
  edits: readonly PreparedEdit[],
  { reward }: JudgedBenchmark,
  signal: AbortSignal = new AbortController().signal,
): Promise<WrittenEdit[]> {
  signal.throwIfAborted();
  const copies = edits.map((edit) => decodedEdit(edit, edit.source));
  const verdicts = await askReward(reward, copies, { signal });
  return edits.map((edit, index) => ({
    edit,
    picture: edit.source,
    verdict: verdicts[index]!,
    ...exactness(edit, isTarget(edit, edit.sourceCodes)),
  }));
}

interface Written {
  readonly arm: string;
  readonly decoding: { readonly temperature: number };
  /** Filled with what the arm wrote. */
  readonly shown: readonly Comparison[];
}

/** What a policy made of the edits, one row a completion. */
async function policyEdits(
  { benchmark, edits, policy, maxTokens, seed, maxFailed, signal }: BenchmarkRequest,
  engine: PolicyEngine,
  { arm, decoding, shown }: Written,
): Promise<ArmEdit[]> {
  const { temperature } = decoding;
  const parts = { engine, ...policy, reward: benchmark.reward };
  const settings = { temperature, maxTokens, seed, ...(signal !== undefined && { signal }) };
  const rows: ArmEdit[] = [];
  const judged: Judged[] = [];
  for await (const groups of evaluatedBatches(parts, edits, settings)) {
    for (const [index, { completions }] of groups.entries()) {
      for (const completion of completions) {
        shown[rows.length + index]?.arms.push({ arm, completion });
        judged.push({ verdict: completion.verdict });
      }
    }
    for (const row of await measured(writtenEdits(groups), benchmark.measures)) rows.push(row);
  }
  refuseOutage(judged, maxFailed);
  return rows;
}

function writtenEdits(groups: readonly ScoredGroup[]): WrittenEdit[] {
  return groups.flatMap(({ edit, completions }) =>
    completions.map(({ picture, verdict, isExact }) => ({
      edit,
      ...(picture !== undefined && { picture }),
      verdict,
      ...exactness(edit, isExact),
    })),
  );
}

/** A failed edit is no match; an edit without a target's codes can be none. */
function exactness({ targetCodes }: PreparedEdit, isExact: boolean): Pick<WrittenEdit, "isExact"> {
  return targetCodes === undefined ? {} : { isExact };
}

type Judged = Pick<WrittenEdit, "verdict">;

function refuseOutage(completions: readonly Judged[], maxFailed = 1): void {
  const fault = judgeFault([{ completions }], maxFailed);
  if (fault !== undefined) throw fault;
}

function loggedMeasure({ name, label, unit, range }: LoggedMeasure): LoggedMeasure {
  return { name, label, unit, ...(range !== undefined && { range }) };
}
