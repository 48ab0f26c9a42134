/**
 * A policy that is a table: for each prompt and place of a completion one vector of logits, whatever was written
 * before. Small enough that every gradient is written out here, so the training loops can be tested in seconds
 * against an engine that shares no code with the real one.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { LossSpec } from "../../src/algorithms/losses.ts";
import type {
  CompletedGroup,
  Completion,
  CompletionGroup,
  GenerationRequest,
  PolicyEngine,
  Sampling,
  ScoredIds,
  StepMetrics,
  TrainingGroup,
} from "../../src/engine/policy-engine.ts";
import { tokenTerms, type Choice } from "./tabular-loss.ts";
import { EngineError } from "../../src/errors.ts";
import { Rng } from "../../src/random.ts";
import { FORCED, type ReadIds } from "../../src/tokens/constraints.ts";
import { GrammarFollower } from "../../src/tokens/grammar-follower.ts";
import type { Grammar, Segment } from "../../src/tokens/grammar.ts";
import type { Prompt } from "../../src/tokens/prompt.ts";

type Table = Map<string, number[]>;

/** The engine with some methods replaced. */
export function withMethods(engine: PolicyEngine, methods: Partial<PolicyEngine>): PolicyEngine {
  return {
    agreement: engine.agreement,
    generate: (request) => engine.generate(request),
    logprobs: (...args) => engine.logprobs(...args),
    step: (...args) => engine.step(...args),
    save: (...args) => engine.save(...args),
    load: (directory) => engine.load(directory),
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
    ...methods,
  };
}

export interface TabularOptions {
  /** Spreads the logits that the table starts with; all ids are equally likely unless it is given. */
  readonly std?: number;
  /** Keeps the table it starts with as the reference policy. */
  readonly keepsReference?: boolean;
}

export class TabularPolicy implements PolicyEngine {
  /** The same function computes both, so they differ by the rounding of a float32 at most. */
  readonly agreement = { mean: 1e-6, largest: 1e-6 };
  readonly #grammar: Grammar;
  readonly #std: number;
  readonly #reference: Table | undefined;
  #table: Table = new Map();

  constructor(grammar: Grammar, { std = 0, keepsReference = false }: TabularOptions = {}) {
    this.#grammar = grammar;
    this.#std = std;
    this.#reference = keepsReference ? new Map() : undefined;
  }

  /** The logits of a key, which are kept; those of banned ids are far below all others. */
  #logits(table: Table, key: string, { start, end, banned }: Segment): number[] {
    const known = table.get(key);
    if (known !== undefined) return known;
    const rng = Rng.from(0, key);
    const fresh = Array.from({ length: end - start }, () => this.#std * rng.normal());
    for (const id of banned) fresh[id - start] = -1e9;
    table.set(key, fresh);
    return fresh;
  }

  async *generate(request: GenerationRequest): AsyncIterable<CompletedGroup> {
    const { prompts, sampling, seed, signal, onTokens, onWritten } = request;
    let written = 0;
    for (const [number, prompt] of prompts.entries()) {
      const completions: Completion[] = [];
      for (let index = 0; index < sampling.groupSize; index += 1) {
        await Promise.resolve();
        signal?.throwIfAborted();
        const completion = this.#write(prompt, sampling, Rng.from(seed, number, index));
        onWritten?.({ prompt: number, completion: index, ids: [...completion.ids] });
        onTokens?.((written += completion.ids.length));
        completions.push(completion);
      }
      yield { prompt: number, completions, flops: this.#cost(completions) };
    }
  }

  /** A logit counts as one operation. */
  #cost(completions: readonly Completion[]): number {
    const sizeOf = (segment: number): number => {
      const { start, end } = this.#grammar.segments[segment]!;
      return segment === FORCED ? 0 : end - start;
    };
    return completions
      .flatMap(({ constraints }) => [...constraints].filter((segment) => segment !== FORCED))
      .reduce((sum, segment) => sum + sizeOf(segment), 0);
  }

  #write(prompt: Prompt, sampling: Sampling, rng: Rng): Completion {
    const follower = new GrammarFollower(this.#grammar.segments, this.#grammar.parts(prompt));
    const ids: number[] = [];
    const logprobs: number[] = [];
    const constraints: number[] = [];
    for (
      let next = follower.next();
      next.kind !== "end" && ids.length < sampling.maxTokens;
      next = follower.next()
    ) {
      if (next.kind === "forced") {
        ids.push(next.id);
        logprobs.push(0);
        constraints.push(FORCED);
      } else {
        const segment = this.#grammar.segments[next.segment]!;
        const logits = this.#logits(this.#table, keyOf(prompt, ids.length, segment), segment);
        const probabilities = softmax(logits, sampling.temperature || 1);
        const picked = draw(kept(probabilities, sampling), rng);
        ids.push(segment.start + picked);
        logprobs.push(Math.log(probabilities[picked]!));
        constraints.push(next.segment);
      }
      follower.advance(ids.at(-1)!);
    }
    return {
      ids: Int32Array.from(ids),
      logprobs: Float32Array.from(logprobs),
      constraints: Int8Array.from(constraints),
      isFinished: follower.next().kind === "end",
    };
  }

  async logprobs(
    groups: readonly CompletionGroup[],
    under: "policy" | "reference",
    temperature: number,
  ): Promise<ScoredIds> {
    const table = under === "policy" ? this.#table : this.#reference;
    if (table === undefined) throw new EngineError("This engine was opened without a reference policy.");
    const logprobs = groups.map(({ prompt, completions }) =>
      completions.map((completion) => {
        const row = new Float32Array(completion.ids.length);
        for (const choice of this.#choices(table, prompt, completion, temperature)) {
          row[choice.position] = Math.log(choice.probabilities[choice.picked]!);
        }
        return row;
      }),
    );
    return { logprobs, flops: groups.length };
  }

  /** Plain gradient descent: the gradient of c · logprob by the logits is c · (one-hot − p) / T. */
  async step(groups: readonly TrainingGroup[], loss: LossSpec, learningRate: number): Promise<StepMetrics> {
    if (groups.length === 0) throw new EngineError("A step needs at least one group.");
    const gradient: Table = new Map();
    const sums = { loss: 0, kl: 0, entropy: 0, clipLow: 0, clipHigh: 0, tokens: 0 };
    for (const { prompt, completions } of groups) {
      for (const completion of completions) {
        const choices = this.#choices(this.#table, prompt, completion, loss.temperature);
        const terms = tokenTerms(completion, choices, loss);
        for (const [index, { key, picked, probabilities }] of choices.entries()) {
          const term = terms[index]!;
          const slope = gradient.get(key) ?? probabilities.map(() => 0);
          gradient.set(key, slope);
          for (const [id, probability] of probabilities.entries()) {
            slope[id]! += (term.slope * ((id === picked ? 1 : 0) - probability)) / loss.temperature;
            sums.entropy -= probability === 0 ? 0 : probability * Math.log(probability);
          }
          sums.loss += term.loss;
          sums.kl += term.kl;
          sums.clipLow += term.clipped < 0 ? 1 : 0;
          sums.clipHigh += term.clipped > 0 ? 1 : 0;
          sums.tokens += 1;
        }
      }
    }
    const gradNorm = Math.hypot(...[...gradient.values()].flat());
    const updated = Array.from(gradient, ([key, slope]) => {
      const logits = this.#table.get(key)!;
      return [key, logits.map((logit, id) => logit - learningRate * slope[id]!)] as const;
    });
    const values = [sums.loss, gradNorm, ...updated.flatMap(([, logits]) => logits)];
    if (!values.every(Number.isFinite)) {
      throw new EngineError(
        `The step was not made: its loss is ${sums.loss}, its gradient norm ${gradNorm}.`,
      );
    }
    for (const [key, logits] of updated) this.#table.set(key, logits);
    const { tokens } = sums;
    return {
      ...sums,
      kl: sums.kl / tokens,
      entropy: sums.entropy / tokens,
      clipLow: sums.clipLow / tokens,
      clipHigh: sums.clipHigh / tokens,
      gradNorm,
      flops: tokens,
    };
  }

  #choices(table: Table, prompt: Prompt, { ids, constraints }: ReadIds, temperature: number): Choice[] {
    return Array.from(ids.keys()).flatMap((position) => {
      const segment = this.#grammar.segments[constraints[position]!];
      if (segment === undefined) return [];
      const key = keyOf(prompt, position, segment);
      const probabilities = softmax(this.#logits(table, key, segment), temperature);
      return [{ key, position, picked: ids[position]! - segment.start, probabilities }];
    });
  }

  save(directory: string): Promise<void> {
    writeFileSync(join(directory, "table.json"), JSON.stringify([...this.#table]));
    writeFileSync(join(directory, "config.json"), "{}");
    return Promise.resolve();
  }

  load(directory: string): Promise<void> {
    this.#table = new Map(
      JSON.parse(readFileSync(join(directory, "table.json"), "utf8")) as [string, number[]][],
    );
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

const PROMPT_NAMES = new WeakMap<Prompt, string>();

/** After texts of different lengths, a place may belong to one segment or another. */
function keyOf(prompt: Prompt, position: number, segment: Segment): string {
  const name = PROMPT_NAMES.get(prompt) ?? prompt.ids.join(" ");
  PROMPT_NAMES.set(prompt, name);
  return `${name} @ ${position} in ${segment.name}`;
}

function softmax(logits: readonly number[], temperature: number): number[] {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp((logit - largest) / temperature));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** The probabilities that sampling leaves, scaled back to a sum of 1. Of equal ones the first is the likelier. */
function kept(probabilities: readonly number[], { temperature, topK, topP }: Sampling): number[] {
  const most = temperature === 0 ? 1 : topK || probabilities.length;
  const order = [...probabilities.keys()].toSorted(
    (left, right) => probabilities[right]! - probabilities[left]!,
  );
  let sum = 0;
  const result = probabilities.map(() => 0);
  for (const id of order.slice(0, most)) {
    if (sum >= topP) break;
    result[id] = probabilities[id]!;
    sum += probabilities[id]!;
  }
  return result.map((probability) => probability / sum);
}

function draw(probabilities: readonly number[], rng: Rng): number {
  let left = rng.uniform();
  for (const [id, probability] of probabilities.entries()) {
    left -= probability;
    if (left < 0) return id;
  }
  return probabilities.length - 1;
}
