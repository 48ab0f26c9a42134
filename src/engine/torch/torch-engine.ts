/**
 * PolicyEngine in the workers of a cluster. What is planned, packed and compiled is made here, by the same code as for
 * the onnx engine; the workers multiply.
 */

import type { LossSpec } from "../../algorithms/losses.ts";
import { EngineError } from "../../errors.ts";
import { loraScale, loraShapes } from "../../policy/lora.ts";
import { guidanceOf, writeCompletions } from "../decoding.ts";
import type { EngineRequest } from "../engine-host.ts";
import type { TokenWriter } from "../generation-run.ts";
import type { PackedGroup } from "../onnx/packed-batch.ts";
import { policyParts } from "../onnx/policy-parts.ts";
import type {
  Agreement,
  CompletedGroup,
  CompletionGroup,
  GenerationRequest,
  PolicyEngine,
  ScoredIds,
  StepMetrics,
  TrainingGroup,
} from "../policy-engine.ts";
import { ofRank, type Answer, type Cluster } from "./cluster.ts";
import type { FrameArray } from "./frames.ts";
import { lossGraph } from "./loss-graph.ts";
import { merged } from "./merged.ts";
import { dealGroups, type Microbatch } from "./microbatches.ts";
import { nextNumber } from "./numbers.ts";
import { scoringOperations, stepOperations } from "./operations.ts";
import { rankWriter } from "./rank-writer.ts";
import type { SentGraph } from "./sent-graph.ts";
import type { TorchSettings } from "./torch-settings.ts";
import { copyTorchPolicy, loadTorchPolicy, type SavedPolicy } from "./torch-checkpoint.ts";
import { placeWeights } from "./weight-places.ts";

/** Float32 is summed in another order; in bfloat16 sampler and trainer round at other places. */
const AGREEMENTS: Readonly<Record<TorchSettings["precision"], Agreement>> = {
  float32: { mean: 1e-5, largest: 1e-4 },
  bfloat16: { mean: 0.05, largest: 2 },
};

/** Steps that the workers take before they are told how to go on; a stop waits for no more. */
const LONGEST_RUN = 32;

export type TorchEngineOptions = EngineRequest &
  Pick<TorchSettings, "precision" | "recompute" | "offload" | "microbatchGroups" | "generationRows">;

/** Opens a policy in the cluster. Throws CheckpointError or ShapeError where weights do not fit. */
export async function openTorchEngine(cluster: Cluster, options: TorchEngineOptions): Promise<PolicyEngine> {
  const { config, trained, grammar, weights, reference, optimizer, precision, recompute, offload } = options;
  const { companions, onLoad } = options;
  const own = await placeWeights(options, weights);
  const other =
    reference === undefined || reference === "start" ? undefined : await placeWeights(options, reference);
  if (other !== undefined && trained !== "all" && other.base !== own.base) {
    throw new EngineError("The reference policy has another base than the adapter that is trained.", {
      hint: "Give it the same base, with the adapter it should have.",
    });
  }
  const policy = nextNumber();
  const arrays = new Map<string, FrameArray>();
  for (const [name, values] of own.arrays) arrays.set(`weights/${name}`, values);
  for (const [name, values] of other?.arrays ?? []) arrays.set(`reference/${name}`, values);
  const { trained: learned, squared, given } = policyParts(options);
  const said = {
    policy,
    config: {
      vocabulary: config.vocabularySize,
      width: config.hiddenSize,
      inner: config.intermediateSize,
      layers: config.layers,
      heads: config.heads,
      key_heads: config.keyValueHeads,
      head: config.headSize,
      epsilon: config.normEpsilon,
      theta: config.ropeTheta,
      tied: config.tieEmbeddings,
    },
    trained:
      trained === "all" || trained === "none"
        ? trained
        : {
            rank: trained.rank,
            scale: loraScale(trained),
            modules: loraShapes(config, trained).map(({ name }) => name.replace(/\.weight$/, "")),
          },
    segments: grammar.segments.map(({ start, end, banned }) => ({ start, end, banned })),
    precision,
    recompute,
    offload,
    optimizer,
    matrices: learned.filter((one) => !squared.includes(one)).map(({ name }) => name),
    places: own.places,
    reference: reference === "start" ? "start" : (other?.places ?? null),
  };
  await cluster.call("open", { said, arrays });
  const total = [...learned, ...given].reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  onLoad?.(total, total);
  return new TorchEngine(cluster, options, {
    config,
    trained,
    optimizer,
    policy,
    base: own.base,
    companions,
  });
}

class TorchEngine implements PolicyEngine {
  readonly agreement: Agreement;
  readonly #cluster: Cluster;
  readonly #options: TorchEngineOptions;
  readonly #saved: SavedPolicy;
  readonly #graphs = new Map<string, SentGraph>();
  /** Whether completions are written from the weights as they are. */
  #isSynced = false;
  #step = 0;
  #last: Promise<unknown> = Promise.resolve();
  /** Settles when the last save is on disk, or has failed. */
  #written: Promise<unknown> = Promise.resolve();

  constructor(cluster: Cluster, options: TorchEngineOptions, saved: SavedPolicy) {
    this.#cluster = cluster;
    this.#options = options;
    this.#saved = saved;
    this.agreement = AGREEMENTS[options.precision];
  }

  async *generate(request: GenerationRequest): AsyncIterable<CompletedGroup> {
    const { prompts, sampling, seed, signal } = request;
    const rows = sampling.groupSize * (guidanceOf(sampling) === undefined ? 1 : 2);
    const atOnce = Math.max(1, Math.floor(this.#options.generationRows / rows));
    let written = 0;
    const onTokens = (fresh: number): void => {
      written += fresh;
      // Parts that run beside each other stop one after the other.
      if (signal?.aborted !== true) request.onTokens?.(written);
    };
    const all = prompts.map((prompt, number) => ({ prompt, number }));
    const writing = { sampling, seed, longest: LONGEST_RUN, signal, onTokens, onWritten: request.onWritten };
    const { grammar } = this.#options;
    signal?.throwIfAborted();
    const streams = Array.from({ length: Math.ceil(prompts.length / atOnce) }, (_, place) => {
      const part = all.slice(place * atOnce, (place + 1) * atOnce);
      return () => writeCompletions(this.#writerOf(place), grammar, part, writing);
    });
    yield* merged(streams, this.#cluster.workers.length);
  }

  async logprobs(
    groups: readonly CompletionGroup[],
    under: "policy" | "reference",
    temperature: number,
  ): Promise<ScoredIds> {
    if (under === "reference" && this.#options.reference === undefined) {
      throw new EngineError("This engine was opened without a reference policy.", {
        hint: "Open it with one where a loss has a KL term.",
      });
    }
    const logprobs = groups.map(({ completions }) =>
      completions.map(({ ids }) => new Float32Array(ids.length)),
    );
    const ranks = this.#deal(groups);
    if (ranks.length === 0) return { logprobs, flops: 0 };
    const { arrays } = await this.#call(ranks, "logprobs", { under, temperature });
    for (const [rank, passes] of ranks.entries()) {
      for (const [place, { places, isIdle }] of passes.entries()) {
        const found = arrays.get(ofRank(rank, String(place))) as Float32Array;
        if (isIdle) continue;
        for (const [index, { group, completion, token }] of places.entries())
          logprobs[group]![completion]![token] = found[index]!;
      }
    }
    return { logprobs, flops: scoringOperations(this.#options, ranks) };
  }

  step(groups: readonly TrainingGroup[], loss: LossSpec, learningRate: number): Promise<StepMetrics> {
    return this.#inTurn(() => this.#makeStep(groups, loss, learningRate));
  }

  async save(directory: string, onCopied: () => void = () => {}): Promise<void> {
    const write = await this.#inTurn(async () => {
      await this.#written;
      return copyTorchPolicy(this.#cluster, this.#saved, directory, this.#step);
    });
    const written = write();
    this.#written = written.catch(() => {});
    onCopied();
    await written;
  }

  load(directory: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#written;
      this.#step = await loadTorchPolicy(this.#cluster, this.#saved, directory);
      this.#isSynced = false;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Where the engine has failed, the policy has gone with it.
    const close = async (): Promise<void> => {
      await this.#written;
      await this.#cluster.call("close", { said: { policy: this.#saved.policy } });
    };
    await this.#inTurn(close).catch(() => {});
  }

  /** What takes several calls and changes the state must not meet another of its kind between them. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  async #makeStep(
    groups: readonly TrainingGroup[],
    loss: LossSpec,
    learningRate: number,
  ): Promise<StepMetrics> {
    const ranks = this.#deal(groups);
    if (ranks.length === 0) {
      throw new EngineError("A step needs at least one group that has something to learn from.", {
        hint: "Skip the step when nothing is left to learn from.",
      });
    }
    if (this.#options.trained === "none") {
      throw new EngineError("This engine was opened to generate, so there is nothing to train.", {
        hint: "Open it with the weights or an adapter as what is trained.",
      });
    }
    const graphs = this.#lossGraphs(ranks, loss);
    const said = { temperature: loss.temperature };
    const { results } = await this.#call(ranks, "accumulate", said, graphs);
    const sums = Object.values(results) as Record<string, string>[];
    const total = (name: string): number => sums.reduce((sum, one) => sum + Number(one[name]), 0);
    const gradNorm = Number(sums[0]?.["gradNorm"]);
    const lossValue = total("loss");
    if (!Number.isFinite(lossValue) || !Number.isFinite(gradNorm) || !Number.isFinite(learningRate)) {
      throw new EngineError(
        `The loss is ${lossValue}, the gradient's norm ${gradNorm}: the update is not made.`,
        { hint: "Lower the learning rate or the temperature, and look at the rewards of this step." },
      );
    }
    // A finite gradient, clipped, changes finite weights by finite amounts.
    await this.#cluster.call("update", { said: { policy: this.#saved.policy, learningRate } });
    this.#isSynced = false;
    this.#step += 1;
    const tokens = ranks.flat().reduce((sum, { counted }) => sum + counted, 0);
    const mean = (name: string): number => total(name) / Math.max(tokens, 1);
    return {
      loss: lossValue,
      kl: mean("kl"),
      entropy: mean("entropy"),
      clipLow: mean("clipLow"),
      clipHigh: mean("clipHigh"),
      gradNorm,
      tokens,
      flops: stepOperations(this.#options, ranks),
    };
  }

  #deal(groups: readonly PackedGroup[]): Microbatch[][] {
    const { grammar, microbatchGroups } = this.#options;
    const workers = this.#cluster.workers.length;
    return dealGroups(groups, { segments: grammar.segments, workers, groups: microbatchGroups });
  }

  /** A loss graph for each room that the passes need, by its key. */
  #lossGraphs(ranks: readonly (readonly Microbatch[])[], loss: LossSpec): Map<string, SentGraph> {
    const needed = new Map<string, SentGraph>();
    for (const pass of ranks.flat()) {
      const key = graphKey(pass);
      const whole = JSON.stringify([key, loss]);
      const graph =
        this.#graphs.get(whole) ?? lossGraph(loss, { tokens: pass.room, completions: pass.completions });
      this.#graphs.set(whole, graph);
      needed.set(key, graph);
    }
    return needed;
  }

  /** Calls every rank with its own passes, without the loss's terms where no graph takes them. */
  #call(
    ranks: readonly (readonly Microbatch[])[],
    name: string,
    said: Readonly<Record<string, unknown>>,
    graphs: ReadonlyMap<string, SentGraph> = new Map(),
  ): Promise<Answer> {
    const arrays = new Map<string, FrameArray>();
    for (const [rank, passes] of ranks.entries()) {
      for (const [place, pass] of passes.entries()) {
        for (const [array, values] of pass.arrays)
          if (graphs.size > 0 || !array.startsWith("term."))
            arrays.set(ofRank(rank, `${place}/${array}`), values);
      }
    }
    const places = [...graphs.keys()];
    const each = ranks.map((passes) => ({
      batches: passes.map((pass) => ({
        layout: pass.layout,
        segments: pass.segments,
        graph: places.indexOf(graphKey(pass)),
      })),
    }));
    const all = { policy: this.#saved.policy, graphs: [...graphs.values()], ...said };
    return this.#cluster.call(name, { said: all, each, arrays });
  }

  /** Parts of a request take the workers in turn. */
  #writerOf(place: number): TokenWriter {
    const { config, grammar } = this.#options;
    const { policy } = this.#saved;
    const rank = place % this.#cluster.workers.length;
    const sync = async (): Promise<void> => {
      if (this.#isSynced) return;
      this.#isSynced = true;
      await this.#cluster.call("sync", { said: { policy } });
    };
    return rankWriter(this.#cluster, { policy, config, segments: grammar.segments, rank, sync });
  }
}

/** Passes with the same room share a graph. */
function graphKey({ room, completions }: Microbatch): string {
  return `${room}/${completions}`;
}
