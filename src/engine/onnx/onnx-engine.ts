/** PolicyEngine in this process: onnxruntime in a worker thread, batches cut to what memory should hold. */

import type { LossSpec } from "../../algorithms/losses.ts";
import { EngineError } from "../../errors.ts";
import { DEVICES } from "../../tensor/device.ts";
import { startThread } from "../../tensor/start-module.ts";
import { ThreadClient } from "../../tensor/thread-client.ts";
import type { Grammar } from "../../tokens/grammar.ts";
import type {
  Agreement,
  CheckpointFiles,
  CompletedGroup,
  CompletionGroup,
  GenerationRequest,
  OnLoad,
  PolicyEngine,
  PolicyWeights,
  ScoredIds,
  StepMetrics,
  TrainingGroup,
} from "../policy-engine.ts";
import { guidanceOf, writeCompletions } from "../decoding.ts";
import type { TokenWriter } from "../generation-run.ts";
import { TURN } from "./device-turns.ts";
import { longestRun } from "./generation.ts";
import type { PackedBatch, PackedGroup } from "./packed-batch.ts";
import { packBatch } from "./packed-batch.ts";
import type { PolicyWorkspace, WorkspaceOptions } from "./policy-workspace.ts";
import type { WorkerSettings } from "./worker.ts";

export interface OnnxEngineOptions extends Omit<WorkspaceOptions, "segments"> {
  readonly grammar: Grammar;
  readonly weights: PolicyWeights;
  /**
   * What a KL term holds the policy near: the weights it starts from, which costs nothing before the first step, or
   * others. Nothing is kept where not given.
   */
  readonly reference?: "start" | PolicyWeights | undefined;
  /** Most tokens in one pass; a larger batch is accumulated. */
  readonly microbatchTokens: number;
  /** Most rows (prompts × groupSize) that are generated at once. */
  readonly generationRows: number;
  /** Tokenizer files and the like, written beside the weights by `save`. */
  readonly companions?: CheckpointFiles;
  /** Told how far the parameters have been read. */
  readonly onLoad?: OnLoad | undefined;
}

/** Float32 on both sides, summed in another order. */
const AGREEMENT: Agreement = { mean: 1e-5, largest: 1e-4 };

/** Opens an engine on these weights. */
export async function openOnnxEngine(options: OnnxEngineOptions): Promise<PolicyEngine> {
  const {
    grammar,
    weights,
    reference,
    microbatchTokens: _microbatch,
    generationRows: _rows,
    companions: _files,
    onLoad,
    ...rest
  } = options;
  const worker = startWorker({ ...rest, segments: grammar.segments }, onLoad);
  try {
    await worker.handOver(
      [weights, reference].flatMap((one) => (typeof one === "object" ? buffersOf(one) : [])),
      "setState",
      weights,
      reference,
    );
  } catch (error) {
    await worker[Symbol.asyncDispose]();
    throw error;
  }
  return new OnnxEngine(worker, options);
}

function startWorker(options: WorkspaceOptions, onLoad: OnLoad = () => {}): ThreadClient<PolicyWorkspace> {
  const turn = DEVICES[options.device ?? "cpu"].takesTurns ? TURN : undefined;
  const worker = startThread("./worker", import.meta.url, { options, turn } satisfies WorkerSettings);
  const onNote = (note: unknown): void => onLoad(...(note as Parameters<OnLoad>));
  return new ThreadClient(worker, { name: "The engine", onNote });
}

class OnnxEngine implements PolicyEngine {
  readonly agreement = AGREEMENT;
  readonly #worker: ThreadClient<PolicyWorkspace>;
  readonly #writer: TokenWriter;
  readonly #options: OnnxEngineOptions;

  constructor(worker: ThreadClient<PolicyWorkspace>, options: OnnxEngineOptions) {
    this.#worker = worker;
    this.#writer = {
      startGeneration: (start) => worker.call("startGeneration", start),
      decode: (generation, run) => worker.call("decode", generation, run),
      endGeneration: (generation) => worker.call("endGeneration", generation),
    };
    this.#options = options;
  }

  async *generate(request: GenerationRequest): AsyncIterable<CompletedGroup> {
    const { prompts, sampling, seed, signal, rowsAtOnce = Infinity } = request;
    const most = Math.min(this.#options.generationRows, rowsAtOnce);
    const rows = sampling.groupSize * (guidanceOf(sampling) === undefined ? 1 : 2);
    const atOnce = Math.max(1, Math.floor(most / rows));
    let written = 0;
    const onTokens = (fresh: number): void => request.onTokens?.((written += fresh));
    const numbered = prompts.map((prompt, number) => ({ prompt, number }));
    const longest = longestRun(this.#options.config.layers);
    for (let start = 0; start < numbered.length; start += atOnce) {
      signal?.throwIfAborted();
      const part = numbered.slice(start, start + atOnce);
      const writing = { sampling, seed, longest, signal, onTokens, onWritten: request.onWritten };
      yield* writeCompletions(this.#writer, this.#options.grammar, part, writing);
    }
  }

  async logprobs(
    groups: readonly CompletionGroup[],
    under: "policy" | "reference",
    temperature: number,
  ): Promise<ScoredIds> {
    const result = groups.map(({ completions }) =>
      completions.map(({ ids }) => new Float32Array(ids.length)),
    );
    let flops = 0;
    let first = 0;
    for (const batch of this.#batches(groups)) {
      const scored = await this.#worker.call(
        "logprobs",
        { shape: batch.shape, feeds: batch.feeds },
        under,
        temperature,
      );
      for (const [index, place] of batch.places.entries()) {
        if (place === undefined) continue;
        const completion = result[first + place.group]?.[place.completion];
        if (completion !== undefined) completion[place.token] = scored.logprobs[index] as number;
      }
      first += batch.groups;
      flops += scored.flops;
    }
    return { logprobs: result, flops };
  }

  async step(groups: readonly TrainingGroup[], loss: LossSpec, learningRate: number): Promise<StepMetrics> {
    if (groups.length === 0) {
      throw new EngineError("A step needs at least one group.", {
        hint: "Skip the step when nothing is left to learn from.",
      });
    }
    const batches = [...this.#batches(groups)];
    const sums = await this.#worker.call(
      "step",
      batches.map(({ shape, feeds }) => ({ shape, feeds })),
      loss,
      learningRate,
    );
    const tokens = batches.reduce((total, { counted }) => total + counted, 0);
    const mean = (sum: number): number => sum / Math.max(tokens, 1);
    return {
      loss: sums.loss,
      kl: mean(sums.kl),
      entropy: mean(sums.entropy),
      clipLow: mean(sums.clipLow),
      clipHigh: mean(sums.clipHigh),
      gradNorm: sums.gradNorm,
      tokens,
      flops: sums.flops,
    };
  }

  async save(directory: string): Promise<void> {
    await this.#worker.call("save", directory, this.#options.companions);
  }

  async load(directory: string): Promise<void> {
    await this.#worker.call("load", directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker[Symbol.asyncDispose]();
  }

  /** Cuts groups into batches of at most `microbatchTokens`, a whole group at the least. */
  *#batches(groups: readonly PackedGroup[]): Generator<PackedBatch & { readonly groups: number }> {
    const { grammar, microbatchTokens } = this.#options;
    const longest = Math.max(...groups.map(tokensOf));
    const passes = Math.ceil((longest * groups.length) / microbatchTokens);
    // Passes of equal size share one graph; a full one and a small rest would need two.
    const size = Math.max(1, Math.ceil(groups.length / Math.max(passes, 1)));
    for (let start = 0; start < groups.length; start += size) {
      const part = groups.slice(start, start + size);
      yield { ...packBatch(part, grammar.segments), groups: part.length };
    }
  }
}

/** Arrays may be pieces of one buffer, and a buffer can be handed over once. */
function buffersOf(weights: PolicyWeights): ArrayBuffer[] {
  if (weights.kind !== "arrays") return [];
  return [...new Set(Array.from(weights.arrays.values(), ({ buffer }) => buffer as ArrayBuffer))];
}

function tokensOf({ prompt, completions }: PackedGroup): number {
  return completions.reduce((total, { ids }) => total + ids.length, prompt.ids.length);
}
