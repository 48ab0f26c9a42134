/**
 * A policy that is a table: for each prompt and place of a completion one vector of logits, whatever was written
 * before. Small enough that every gradient is written out here, so the training loops can be tested in seconds
 * against an engine that shares no code with the real one.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { LossSpec } from "../../src/algorithms/losses.ts";
import type {
  Completion,
  CompletionGroup,
  GenerationWatch,
  PolicyEngine,
  Sampling,
  StepMetrics,
  TrainingCompletion,
  TrainingGroup,
} from "../../src/engine/policy-engine.ts";
import { Rng } from "../../src/random.ts";
import type { Grammar } from "../../src/tokens/grammar.ts";
import type { Prompt } from "../../src/tokens/prompt.ts";

type Table = Map<string, number[]>;

/** A place where the policy chose: its logits' key, what was chosen, and how likely everything was. */
interface Choice {
  readonly key: string;
  readonly position: number;
  readonly picked: number;
  readonly probabilities: readonly number[];
}

/** The engine with some methods replaced. */
export function withMethods(engine: PolicyEngine, methods: Partial<PolicyEngine>): PolicyEngine {
  return {
    generate: (...args) => engine.generate(...args),
    logprobs: (...args) => engine.logprobs(...args),
    step: (...args) => engine.step(...args),
    freezeReference: () => engine.freezeReference(),
    save: (directory) => engine.save(directory),
    load: (directory) => engine.load(directory),
    flops: () => engine.flops(),
    close: () => engine.close(),
    ...methods,
  };
}

export class TabularPolicy implements PolicyEngine {
  readonly #grammar: Grammar;
  readonly #std: number;
  #table: Table = new Map();
  #reference: Table = new Map();
  #operations = 0;

  /** `std` spreads the logits that the table starts with; all ids are equally likely unless it is given. */
  constructor(grammar: Grammar, std = 0) {
    this.#grammar = grammar;
    this.#std = std;
  }

  /** The logits of a key, which are kept. */
  #logits(table: Table, key: string, size: number): number[] {
    const known = table.get(key);
    if (known !== undefined) return known;
    const rng = Rng.from(0, key);
    const fresh = Array.from({ length: size }, () => this.#std * rng.normal());
    table.set(key, fresh);
    return fresh;
  }

  async *generate(
    prompts: readonly Prompt[],
    sampling: Sampling,
    seed: number,
    watch: GenerationWatch = {},
  ): AsyncIterable<Completion> {
    let written = 0;
    for (const [number, prompt] of prompts.entries()) {
      for (let index = 0; index < sampling.groupSize; index += 1) {
        await Promise.resolve();
        const completion = this.#write(prompt, sampling, Rng.from(seed, number, index));
        watch.onTokens?.((written += completion.ids.length));
        yield { prompt: number, index, ...completion };
      }
    }
  }

  #write(prompt: Prompt, sampling: Sampling, rng: Rng): Pick<Completion, "ids" | "logprobs" | "isFinished"> {
    const state = this.#grammar.begin(prompt);
    const ids: number[] = [];
    const logprobs: number[] = [];
    for (
      let next = state.next();
      next.kind !== "end" && ids.length < sampling.maxTokens;
      next = state.next()
    ) {
      if (next.kind === "forced") {
        ids.push(next.id);
        logprobs.push(0);
      } else {
        const segment = this.#grammar.segments[next.segment]!;
        const logits = this.#logits(this.#table, keyOf(prompt, ids.length), segment.end - segment.start);
        const probabilities = softmax(logits, sampling.temperature || 1);
        const picked = draw(kept(probabilities, sampling), rng);
        this.#operations += logits.length;
        ids.push(segment.start + picked);
        logprobs.push(Math.log(probabilities[picked]!));
      }
      state.advance(ids.at(-1)!);
    }
    const isFinished = state.next().kind === "end";
    return { ids: Int32Array.from(ids), logprobs: Float32Array.from(logprobs), isFinished };
  }

  logprobs(
    groups: readonly CompletionGroup[],
    under: "policy" | "reference",
    temperature: number,
  ): Promise<Float32Array[][]> {
    const table = under === "policy" ? this.#table : this.#reference;
    this.#operations += groups.length;
    return Promise.resolve(
      groups.map(({ prompt, completions }) =>
        completions.map(({ ids }) => {
          const row = new Float32Array(ids.length);
          for (const choice of this.#choices(table, prompt, ids, temperature)) {
            row[choice.position] = Math.log(choice.probabilities[choice.picked]!);
          }
          return row;
        }),
      ),
    );
  }

  /** Plain gradient descent: the gradient of c · logprob by the logits is c · (one-hot − p) / T. */
  step(groups: readonly TrainingGroup[], loss: LossSpec, learningRate: number): Promise<StepMetrics> {
    const gradient: Table = new Map();
    const sums = { loss: 0, kl: 0, entropy: 0, clipLow: 0, clipHigh: 0, tokens: 0 };
    for (const { prompt, completions } of groups) {
      for (const completion of completions) {
        const choices = this.#choices(this.#table, prompt, completion.ids, loss.temperature);
        const terms = tokenTerms(completion, choices, loss);
        for (const [index, { key, picked, probabilities }] of choices.entries()) {
          const term = terms[index]!;
          const slope = gradient.get(key) ?? probabilities.map(() => 0);
          gradient.set(key, slope);
          for (const [id, probability] of probabilities.entries()) {
            slope[id]! += (term.slope * ((id === picked ? 1 : 0) - probability)) / loss.temperature;
            sums.entropy -= probability * Math.log(probability);
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
    for (const [key, slope] of gradient) {
      const logits = this.#logits(this.#table, key, slope.length);
      for (const [id, value] of slope.entries()) logits[id]! -= learningRate * value;
    }
    this.#operations += sums.tokens;
    const { tokens } = sums;
    return Promise.resolve({
      ...sums,
      kl: sums.kl / tokens,
      entropy: sums.entropy / tokens,
      clipLow: sums.clipLow / tokens,
      clipHigh: sums.clipHigh / tokens,
      gradNorm,
      flops: tokens,
    });
  }

  #choices(table: Table, prompt: Prompt, ids: Int32Array, temperature: number): Choice[] {
    const state = this.#grammar.begin(prompt);
    const choices: Choice[] = [];
    for (const [position, id] of ids.entries()) {
      const next = state.next();
      if (next.kind === "free") {
        const { start, end } = this.#grammar.segments[next.segment]!;
        const key = keyOf(prompt, position);
        const probabilities = softmax(this.#logits(table, key, end - start), temperature);
        choices.push({ key, position, picked: id - start, probabilities });
      }
      state.advance(id);
    }
    return choices;
  }

  freezeReference(): Promise<void> {
    this.#reference = new Map([...this.#table].map(([key, logits]) => [key, [...logits]]));
    return Promise.resolve();
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

  flops(): Promise<number> {
    return Promise.resolve(this.#operations);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

interface TokenTerm {
  readonly loss: number;
  /** Derivative of the loss by the token's log-probability. */
  readonly slope: number;
  readonly kl: number;
  /** −1 and 1 where the ratio was clipped from below and above. */
  readonly clipped: -1 | 0 | 1;
}

function tokenTerms(completion: TrainingCompletion, choices: readonly Choice[], spec: LossSpec): TokenTerm[] {
  const { advantage, weights, oldLogprobs, refLogprobs } = completion;
  const logprobs = choices.map(({ probabilities, picked }) => Math.log(probabilities[picked]!));
  const logRatios = choices.map(({ position }, index) => logprobs[index]! - (oldLogprobs?.[position] ?? 0));
  const meanLogRatio = logRatios.reduce((sum, value) => sum + value, 0) / logRatios.length;
  return choices.map(({ position }, index) => {
    const policy = surrogateTerm(spec, advantage, {
      logprob: logprobs[index]!,
      logRatio: spec.surrogate.kind === "sequence-clipped" ? meanLogRatio : logRatios[index]!,
    });
    const d = (refLogprobs?.[position] ?? 0) - logprobs[index]!;
    const kl = klTerm(spec, d);
    const coef = spec.kl?.coef ?? 0;
    const weight = weights[position]!;
    return {
      loss: weight * (policy.loss + coef * kl.value),
      slope: weight * (policy.slope + coef * kl.slope),
      kl: kl.value,
      clipped: policy.clipped,
    };
  });
}

function surrogateTerm(
  { surrogate }: LossSpec,
  advantage: number,
  { logprob, logRatio }: { logprob: number; logRatio: number },
): Pick<TokenTerm, "loss" | "slope" | "clipped"> {
  const ratio = Math.exp(logRatio);
  switch (surrogate.kind) {
    case "on-policy":
      return { loss: -advantage * logprob, slope: -advantage, clipped: 0 };
    case "capped-weight": {
      const weight = Math.min(ratio, 1 + surrogate.clipHigh);
      return {
        loss: -advantage * weight * logprob,
        slope: -advantage * weight,
        clipped: weight < ratio ? 1 : 0,
      };
    }
    case "clipped":
    case "sequence-clipped": {
      if (advantage > 0 && ratio > 1 + surrogate.clipHigh) {
        return { loss: -advantage * (1 + surrogate.clipHigh), slope: 0, clipped: 1 };
      }
      if (advantage < 0 && ratio < 1 - surrogate.clipLow) {
        return { loss: -advantage * (1 - surrogate.clipLow), slope: 0, clipped: -1 };
      }
      return { loss: -advantage * ratio, slope: -advantage * ratio, clipped: 0 };
    }
    default:
      return surrogate satisfies never;
  }
}

/** d is reference minus policy, in nats; the slope is by the policy's log-probability. */
function klTerm({ kl }: LossSpec, d: number): { value: number; slope: number } {
  if (kl === undefined) return { value: 0, slope: 0 };
  switch (kl.estimator) {
    case "k1":
      return { value: -d, slope: 1 };
    case "k2":
      return { value: (d * d) / 2, slope: -d };
    case "k3":
      return { value: Math.exp(d) - d - 1, slope: 1 - Math.exp(d) };
    default:
      return kl.estimator satisfies never;
  }
}

const PROMPT_NAMES = new WeakMap<Prompt, string>();

function keyOf(prompt: Prompt, position: number): string {
  const name = PROMPT_NAMES.get(prompt) ?? prompt.ids.join(" ");
  PROMPT_NAMES.set(prompt, name);
  return `${name} @ ${position}`;
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
