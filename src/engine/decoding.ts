/**
 * Writing completions for a few prompts at once: the grammar says at every place whether an id is forced or drawn, and
 * from which segment; all rows go on together, by as many ids as the grammar is sure of.
 */

import { EngineError } from "../errors.ts";
import { Rng } from "../random.ts";
import { FORCED } from "../tokens/constraints.ts";
import { GrammarFollower, type Constraint } from "../tokens/grammar-follower.ts";
import type { Grammar } from "../tokens/grammar.ts";
import type { Prompt } from "../tokens/prompt.ts";
import type { CompletedGroup, Completion, GenerationRequest, Sampling } from "./policy-engine.ts";
import { bucket } from "./bucket.ts";
import { drawnFrom, type GenerationStart, type RunRequest, type TokenWriter } from "./generation-run.ts";

/** Prompts with their places in the caller's list: a prompt's numbers do not depend on its neighbours. */
export interface NumberedPrompt {
  readonly prompt: Prompt;
  readonly number: number;
}

/** One completion while it is written. */
interface Row {
  readonly follower: GrammarFollower;
  readonly rng: Rng;
  readonly ids: number[];
  readonly logprobs: number[];
  readonly constraints: number[];
  readonly lastPromptId: number;
  /** How many of the ids come before the next run: the model has seen all of these but the last. */
  before: number;
  /** Whether an id is still to be drawn. */
  isOpen: boolean;
}

/** Just below 1, so that a rounded product with it stays below the total. */
const LARGEST_UNIFORM = 1 - 2 ** -20;

interface WritingOptions {
  readonly sampling: Sampling;
  readonly seed: number;
  /** Most steps of a run. */
  readonly longest: number;
  readonly signal: AbortSignal | undefined;
  /** Told after each run how many ids came. */
  readonly onTokens: (fresh: number) => void;
  readonly onWritten?: GenerationRequest["onWritten"];
}

/** The guidance that is asked for; undefined where it would change nothing. */
export function guidanceOf({ guidance = 1 }: Sampling): number | undefined {
  return guidance === 1 ? undefined : guidance;
}

/**
 * Completions of these prompts, each group when its last row ends. Throws EngineError for a prompt that cannot be guided
 * but should, and the signal's reason when it aborts.
 */
export async function* writeCompletions(
  writer: TokenWriter,
  grammar: Grammar,
  prompts: readonly NumberedPrompt[],
  { sampling, seed, longest, signal, onTokens, onWritten }: WritingOptions,
): AsyncGenerator<CompletedGroup> {
  const { groupSize, maxTokens } = sampling;
  const groups = prompts.map(({ prompt, number }) => {
    const parts = grammar.parts(prompt);
    const rows = Array.from({ length: groupSize }, (_, index) =>
      beginRow(
        new GrammarFollower(grammar.segments, parts),
        prompt,
        Rng.from(seed, "completion", number, index),
        maxTokens,
      ),
    );
    return { number, rows };
  });
  const rows = groups.flatMap((group) => group.rows);
  const rowCount = bucket(prompts.length) * groupSize;
  const start = prefill(
    groups.map((group) => group.rows),
    prompts,
    sampling,
  );
  const begun = await writer.startGeneration(start);
  let { flops } = begun;
  let counted = 0;
  let unfinished = groups;
  try {
    for (;;) {
      const isWriting = rows.some(({ isOpen }) => isOpen);
      const ended = unfinished.filter((group) => group.rows.every(({ isOpen }) => !isOpen));
      unfinished = unfinished.filter((group) => !ended.includes(group));
      for (const group of ended) {
        yield { prompt: group.number, completions: group.rows.map(completionOf), flops };
        flops = 0;
      }
      if (!isWriting) return;
      signal?.throwIfAborted();
      const plans = rows.map((row) => planOf(row, maxTokens, longest));
      const run = runRequest(rows, plans, rowCount);
      const written = await writer.decode(begun.generation, run);
      flops += written.flops;
      for (const [index, row] of rows.entries()) {
        const { steps } = plans[index] as Plan;
        takeRun(row, steps.slice(0, run.steps), maxTokens, (step) => ({
          id: Number(written.ids[step * rowCount + index]),
          logprob: written.logprobs[step * rowCount + index] as number,
        }));
      }
      const count = rows.reduce((total, { ids }) => total + ids.length, 0);
      if (onWritten !== undefined) showRows(groups, onWritten);
      onTokens(count - counted);
      counted = count;
    }
  } finally {
    await writer.endGeneration(begun.generation);
  }
}

function showRows(
  groups: readonly { readonly number: number; readonly rows: readonly Row[] }[],
  show: NonNullable<GenerationRequest["onWritten"]>,
): void {
  for (const { number: prompt, rows } of groups) {
    for (const [completion, { ids }] of rows.entries()) show({ prompt, completion, ids });
  }
}

function completionOf({ ids, logprobs, constraints, follower }: Row): Completion {
  return {
    ids: Int32Array.from(ids),
    logprobs: Float32Array.from(logprobs),
    constraints: Int8Array.from(constraints),
    isFinished: follower.next().kind === "end",
  };
}

function beginRow(follower: GrammarFollower, prompt: Prompt, rng: Rng, maxTokens: number): Row {
  const lastPromptId = prompt.ids.at(-1) as number;
  const lists = { ids: [], logprobs: [], constraints: [] };
  const row: Row = { follower, rng, lastPromptId, ...lists, before: 0, isOpen: true };
  writeForced(row, maxTokens);
  return row;
}

function append(row: Row, id: number, logprob: number, segment: number): void {
  row.ids.push(id);
  row.logprobs.push(logprob);
  row.constraints.push(segment);
  row.follower.advance(id);
}

/** Forced ids are written at once; only those before another draw are ever shown to the model. */
function writeForced(row: Row, maxTokens: number): void {
  let next = row.follower.next();
  for (; next.kind === "forced" && row.ids.length < maxTokens; next = row.follower.next())
    append(row, next.id, 0, FORCED);
  row.isOpen = next.kind === "free" && row.ids.length < maxTokens;
}

/** What follows in a row, as far as it is certain: forced ids, and segments that ids are drawn from. */
interface Plan {
  readonly steps: readonly Exclude<Constraint, { kind: "end" }>[];
  /** Whether ids may be drawn after that. */
  readonly goesOn: boolean;
}

/** At most `longest` steps. */
function planOf({ ids, before, follower, isOpen }: Row, maxTokens: number, longest: number): Plan {
  if (!isOpen) return { steps: [], goesOn: false };
  const known = ids.slice(before, before + longest).map((id) => ({ kind: "forced", id }) as const);
  const room = Math.min(longest - known.length, maxTokens - ids.length);
  const ahead = room === 0 ? [] : follower.ahead(room);
  const steps = [...known, ...ahead.filter((constraint) => constraint.kind !== "end")];
  const goesOn = steps.length === known.length + ahead.length && ids.length + ahead.length < maxTokens;
  if (goesOn) return { steps, goesOn };
  return { steps: steps.slice(0, steps.findLastIndex(({ kind }) => kind === "free") + 1), goesOn };
}

/** One run for all rows, as long as those that go on are certain. */
function runRequest(rows: readonly Row[], plans: readonly Plan[], rowCount: number): RunRequest {
  const needed = Math.max(...plans.map(({ steps }) => steps.length));
  const certain = plans.filter(({ goesOn }) => goesOn).map(({ steps }) => steps.length);
  const steps = Math.min(needed, ...certain);
  const tokens = new BigInt64Array(rowCount);
  const forced = new BigInt64Array(steps * rowCount);
  const uniform = new Float32Array(steps * rowCount);
  const drawn = new Set<number>();
  for (const [index, row] of rows.entries()) {
    tokens[index] = BigInt(row.ids[row.before - 1] ?? row.lastPromptId);
    for (const [step, next] of (plans[index] as Plan).steps.slice(0, steps).entries()) {
      const at = step * rowCount + index;
      if (next.kind === "forced") {
        forced[at] = BigInt(next.id);
        continue;
      }
      forced[at] = drawnFrom(next.segment);
      uniform[at] = Math.min(row.rng.uniform(), LARGEST_UNIFORM);
      drawn.add(next.segment);
    }
  }
  return { steps, tokens, forced, uniform, drawn: [...drawn].toSorted((left, right) => left - right) };
}

/** Writes what a run brought; ids that were forced may stand there already. */
function takeRun(
  row: Row,
  steps: Plan["steps"],
  maxTokens: number,
  drawnAt: (step: number) => { readonly id: number; readonly logprob: number },
): void {
  for (const [step, next] of steps.entries()) {
    if (row.before + step < row.ids.length) continue;
    if (next.kind === "forced") {
      append(row, next.id, 0, FORCED);
      continue;
    }
    const { id, logprob } = drawnAt(step);
    append(row, id, logprob, next.segment);
  }
  row.before += steps.length;
  writeForced(row, maxTokens);
}

/** The prompts with the forced ids that all completions begin with: everything but the last id of it is prefilled. */
function prefill(
  groups: readonly (readonly Row[])[],
  prompts: readonly NumberedPrompt[],
  sampling: Sampling,
): GenerationStart {
  const shared = Math.min(...groups.flat().map(({ ids }) => ids.length));
  const guidance = guidanceOf(sampling);
  const beginnings = groups.map((group) => group[0]?.ids.slice(0, shared) ?? []);
  const whole = prompts.flatMap(({ prompt }, place) =>
    (guidance === undefined ? [prompt.ids] : guidedPair(prompt)).map((ids) => [
      ...ids,
      ...(beginnings[place] as number[]),
    ]),
  );
  const perPrompt = guidance === undefined ? 1 : 2;
  for (const row of groups.flat()) row.before = shared;
  const prefixes = whole.map((ids) => ids.slice(0, -1));
  const padded = bucket(prompts.length) * perPrompt;
  const prefix = bucket(Math.max(...prefixes.map(({ length }) => length)));
  const tokens = new BigInt64Array(padded * prefix);
  for (const [place, ids] of prefixes.entries()) tokens.set(ids.map(BigInt), place * prefix);
  return {
    prompts: padded,
    groupSize: sampling.groupSize,
    prefix,
    tokens,
    lengths: Array.from({ length: padded }, (_, place) => prefixes[place]?.length ?? 0),
    steps: sampling.maxTokens,
    drawing: { isGreedy: sampling.temperature === 0, topK: sampling.topK, topP: sampling.topP },
    temperature: sampling.temperature,
    guidance,
  };
}

/** The prompt with and without its instruction. */
function guidedPair({ ids, idsWithoutInstruction: without }: Prompt): readonly Int32Array[] {
  if (without !== undefined && without.at(-1) === ids.at(-1)) return [ids, without];
  throw new EngineError(
    without === undefined
      ? "Guidance needs the prompt without its instruction, which this prompt does not have."
      : `The prompt ends with id ${ids.at(-1)}, but without its instruction with ${without.at(-1)}.`,
    { hint: "Use guidance 1, or a prompt that is made for guidance." },
  );
}
