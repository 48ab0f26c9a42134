/**
 * Writing completions for a few prompts at once: the grammar says at every place whether an id is forced or drawn,
 * and from which segment; all rows go on together, one token a step.
 */

import { EngineError } from "../../errors.ts";
import { Rng } from "../../random.ts";
import type { Constraint, Grammar, GrammarState } from "../../tokens/grammar.ts";
import type { Prompt } from "../../tokens/prompt.ts";
import type { Completion, Sampling } from "../policy-engine.ts";
import type { GenerationStart } from "./generation.ts";
import { bucket } from "./packed-batch.ts";
import type { WorkerClient } from "./worker-client.ts";

/** Prompts with their places in the caller's list: a prompt's numbers do not depend on its neighbours. */
export interface NumberedPrompt {
  readonly prompt: Prompt;
  readonly number: number;
}

/** One completion while it is written. */
interface Row {
  readonly state: GrammarState;
  readonly rng: Rng;
  readonly ids: number[];
  readonly logprobs: number[];
  constraint: Constraint;
  /** Ids that the model has yet to see; the last of them predicts the next draw. */
  unseen: number[];
}

/** Just below 1, so that a rounded product with it stays below the total. */
const LARGEST_UNIFORM = 1 - 2 ** -20;

interface WritingOptions {
  readonly sampling: Sampling;
  readonly seed: number;
  /** Told at each step how many ids came. */
  readonly onTokens: (fresh: number) => void;
}

/** The guidance that is asked for; undefined where it would change nothing. */
export function guidanceOf({ guidance = 1 }: Sampling): number | undefined {
  return guidance === 1 ? undefined : guidance;
}

/** Completions of these prompts, group by group. Throws EngineError for a prompt that cannot be guided but should. */
export async function writeCompletions(
  worker: WorkerClient,
  grammar: Grammar,
  prompts: readonly NumberedPrompt[],
  { sampling, seed, onTokens }: WritingOptions,
): Promise<Completion[]> {
  const groups = prompts.map(({ prompt, number }) =>
    Array.from({ length: sampling.groupSize }, (_, index) =>
      beginRow(grammar, prompt, Rng.from(seed, "completion", number, index), sampling.maxTokens),
    ),
  );
  const rows = groups.flat();
  const rowCount = bucket(prompts.length) * sampling.groupSize;
  await worker.call("startGeneration", prefill(groups, prompts, sampling));
  const countIds = (): number => rows.reduce((total, { ids }) => total + ids.length, 0);
  let counted = 0;

  while (rows.some(({ unseen }) => unseen.length > 0)) {
    const tokens = new BigInt64Array(rowCount);
    const uniform = new Float32Array(rowCount);
    const wanted = rows.map((row, index) => {
      tokens[index] = BigInt(row.unseen.shift() ?? 0);
      if (row.unseen.length > 0 || !isOpen(row, sampling.maxTokens) || row.constraint.kind !== "free")
        return -1;
      uniform[index] = Math.min(row.rng.uniform(), LARGEST_UNIFORM);
      return row.constraint.segment;
    });
    const drawn = grammar.segments.flatMap((_, segment) => (wanted.includes(segment) ? [segment] : []));
    const answers = await worker.call("decode", { tokens, uniform, drawn });
    for (const [index, row] of rows.entries()) {
      const segment = wanted[index] as number;
      if (segment < 0) continue;
      const answer = answers[drawn.indexOf(segment)];
      const id = (grammar.segments[segment]?.start ?? 0) + Number(answer?.tokens[index]);
      takeDrawn(row, id, { logprob: answer?.logprobs[index] as number, maxTokens: sampling.maxTokens });
    }
    const count = countIds();
    onTokens(count - counted);
    counted = count;
  }
  return groups.flatMap((group, place) =>
    group.map((row, index) => ({
      prompt: prompts[place]?.number ?? 0,
      index,
      ids: Int32Array.from(row.ids),
      logprobs: Float32Array.from(row.logprobs),
      isFinished: row.constraint.kind === "end",
    })),
  );
}

const isOpen = (row: Row, maxTokens: number): boolean =>
  row.constraint.kind !== "end" && row.ids.length < maxTokens;

function beginRow(grammar: Grammar, prompt: Prompt, rng: Rng, maxTokens: number): Row {
  const state = grammar.begin(prompt);
  const row: Row = { state, rng, ids: [], logprobs: [], constraint: state.next(), unseen: [] };
  writeForced(row, maxTokens);
  return row;
}

function append(row: Row, id: number, logprob: number): void {
  row.ids.push(id);
  row.logprobs.push(logprob);
  row.state.advance(id);
  row.constraint = row.state.next();
}

/** Forced ids are written at once; only those before another draw are ever shown to the model. */
function writeForced(row: Row, maxTokens: number): void {
  while (row.constraint.kind === "forced" && row.ids.length < maxTokens) append(row, row.constraint.id, 0);
}

function takeDrawn(
  row: Row,
  id: number,
  { logprob, maxTokens }: { logprob: number; maxTokens: number },
): void {
  const start = row.ids.length;
  append(row, id, logprob);
  writeForced(row, maxTokens);
  row.unseen = isOpen(row, maxTokens) ? row.ids.slice(start) : [];
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
  for (const [place, group] of groups.entries()) {
    const last = whole[place * perPrompt]?.at(-1) as number;
    for (const row of group)
      row.unseen = isOpen(row, sampling.maxTokens) ? [last, ...row.ids.slice(shared)] : [];
  }
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
