/**
 * PolicyEngine in the workers of a cluster. What is planned, packed and compiled is made here, by the same code as for
 * the onnx engine; the workers multiply.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { LossSpec } from "../../algorithms/losses.ts";
import { EngineError } from "../../errors.ts";
import { loraScale, loraShapes } from "../../policy/lora.ts";
import { planPolicyShards, policyFiles, shardIndex } from "../../policy/save-policy.ts";
import { bytesIn, type Shard } from "../../policy/shards.ts";
import { guidanceOf, writeCompletions } from "../decoding.ts";
import type { EngineRequest } from "../engine-host.ts";
import type { TokenWriter } from "../generation-run.ts";
import { saveEngine } from "../onnx/engine-checkpoint.ts";
import { openOptimizer, planOptimizerShards, saveStep } from "../onnx/optimizer-files.ts";
import type { PackedGroup } from "../onnx/packed-batch.ts";
import { readAdapter } from "../onnx/parameter-source.ts";
import { policyParts } from "../onnx/policy-parts.ts";
import type {
  Agreement,
  Arrays,
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
import { decodeOperations, forwardOperations, prefillOperations } from "./operations.ts";
import type { SentGraph } from "./sent-graph.ts";
import type { TorchSettings } from "./torch-settings.ts";
import { placeWeights, policyPlaces } from "./weight-places.ts";

/** Float32 is summed in another order; in bfloat16 sampler and trainer round at other places. */
const AGREEMENTS: Readonly<Record<TorchSettings["precision"], Agreement>> = {
  float32: { mean: 1e-5, largest: 1e-4 },
  bfloat16: { mean: 0.05, largest: 2 },
};

/** Steps that the workers take before they are told how to go on; a stop waits for no more. */
const LONGEST_RUN = 32;

/** Most bytes of a weight file, as transformers writes them. */
const MOST_BYTES = 5e9;

export type TorchEngineOptions = EngineRequest &
  Pick<TorchSettings, "precision" | "recompute" | "microbatchGroups" | "generationRows">;

/** Numbers that the workers know policies and generations by. */
let numbered = 0;

/** Opens a policy in the cluster. Throws CheckpointError or ShapeError where weights do not fit. */
export async function openTorchEngine(cluster: Cluster, options: TorchEngineOptions): Promise<PolicyEngine> {
  const { config, trained, grammar, weights, reference, optimizer, precision, recompute, onLoad } = options;
  const own = await placeWeights(options, weights);
  const other =
    reference === undefined || reference === "start" ? undefined : await placeWeights(options, reference);
  if (other !== undefined && trained !== "all" && other.base !== own.base) {
    throw new EngineError("The reference policy has another base than the adapter that is trained.", {
      hint: "Give it the same base, with the adapter it should have.",
    });
  }
  numbered += 1;
  const policy = numbered;
  const arrays = new Map<string, FrameArray>();
  for (const [name, values] of own.arrays) arrays.set(`weights/${name}`, values);
  for (const [name, values] of other?.arrays ?? []) arrays.set(`reference/${name}`, values);
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
    optimizer,
    places: own.places,
    reference: reference === "start" ? "start" : (other?.places ?? null),
  };
  await cluster.call("open", { said, arrays });
  const { trained: learned, given } = policyParts(options);
  const total = [...learned, ...given].reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  onLoad?.(total, total);
  return new TorchEngine(cluster, options, { policy, base: own.base });
}

interface Opened {
  readonly policy: number;
  readonly base: string | null;
}

class TorchEngine implements PolicyEngine {
  readonly agreement: Agreement;
  readonly #cluster: Cluster;
  readonly #options: TorchEngineOptions;
  readonly #opened: Opened;
  readonly #graphs = new Map<string, SentGraph>();
  /** Whether completions are written from the weights as they are. */
  #isSynced = false;
  #step = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(cluster: Cluster, options: TorchEngineOptions, own: Opened) {
    this.#cluster = cluster;
    this.#options = options;
    this.#opened = own;
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
    const writing = { sampling, seed, longest: LONGEST_RUN, signal, onTokens };
    signal?.throwIfAborted();
    const streams = Array.from({ length: Math.ceil(prompts.length / atOnce) }, (_, place) => {
      const part = all.slice(place * atOnce, (place + 1) * atOnce);
      return () => writeCompletions(this.#writerOf(place), this.#options.grammar, part, writing);
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
    const { arrays } = await this.#call(ranks, "logprobs", { under, temperature }, (name) =>
      name.startsWith("term."),
    );
    for (const [rank, passes] of ranks.entries()) {
      for (const [place, { places, isIdle }] of passes.entries()) {
        const found = arrays.get(ofRank(rank, String(place))) as Float32Array;
        if (isIdle) continue;
        for (const [index, { group, completion, token }] of places.entries())
          logprobs[group]![completion]![token] = found[index]!;
      }
    }
    return { logprobs, flops: this.#operations(ranks) };
  }

  step(groups: readonly TrainingGroup[], loss: LossSpec, learningRate: number): Promise<StepMetrics> {
    return this.#inTurn(() => this.#makeStep(groups, loss, learningRate));
  }

  save(directory: string): Promise<void> {
    return this.#inTurn(() => this.#save(directory));
  }

  load(directory: string): Promise<void> {
    return this.#inTurn(() => this.#load(directory));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Where the engine has failed, the policy has gone with it.
    const close = (): Promise<unknown> => this.#cluster.call("close", { said: { policy: this.#opened.policy } });
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
    const { results } = await this.#call(ranks, "accumulate", {
      temperature: loss.temperature,
      graphs: [...graphs.values()],
    }, () => false, [...graphs.keys()]);
    const sums = Object.values(results) as Record<string, string>[];
    const total = (name: string): number => sums.reduce((sum, one) => sum + Number(one[name]), 0);
    const gradNorm = Number(sums[0]?.["gradNorm"]);
    const lossValue = total("loss");
    if (!Number.isFinite(lossValue) || !Number.isFinite(gradNorm) || !Number.isFinite(learningRate)) {
      await this.#cluster.call("forget", { said: { policy: this.#opened.policy } });
      throw new EngineError(
        `The loss is ${lossValue}, the gradient's norm ${gradNorm}: the update is not made.`,
        { hint: "Lower the learning rate or the temperature, and look at the rewards of this step." },
      );
    }
    // A finite gradient, clipped, changes finite weights by finite amounts.
    await this.#cluster.call("update", { said: { policy: this.#opened.policy, learningRate } });
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
      // The backward pass multiplies twice for each product of the forward pass.
      flops: 3 * this.#operations(ranks),
    };
  }

  async #save(directory: string): Promise<void> {
    const { config, trained, companions = new Map<string, Uint8Array>() } = this.#options;
    if (trained !== "all" && trained !== "none") {
      await this.#saveAdapter(directory);
      return;
    }
    await mkdir(directory, { recursive: true });
    const shards = planPolicyShards(config, { maxShardBytes: MOST_BYTES });
    const hasMoments = this.#step > 0;
    const moments = hasMoments ? planOptimizerShards(this.#options, MOST_BYTES) : [];
    const files = this.#dealt([...shards, ...moments]);
    await this.#cluster.call("save", { said: { policy: this.#opened.policy, directory, files } });
    for (const [file, content] of policyFiles(config, shards, { tokenizerFiles: companions }))
      await writeFile(join(directory, file), content);
    if (hasMoments)
      await saveStep(directory, this.#step, moments.length > 1 ? shardIndex(moments) : undefined);
  }

  async #load(directory: string): Promise<void> {
    const { config, trained } = this.#options;
    const arrays = new Map<string, FrameArray>();
    let places = {};
    if (trained === "all" || trained === "none") places = await policyPlaces(directory, config);
    else for (const [name, values] of await readAdapter(directory, config, trained)) arrays.set(name, values);
    const state = await openOptimizer(directory, this.#options);
    await state?.close();
    const moments = Array.from(state?.places ?? [], ([name, { path, key }]) => [name, [path, key]] as const);
    const step = state?.step ?? 0;
    places = { ...places, ...Object.fromEntries(moments) };
    await this.#cluster.call("load", { said: { policy: this.#opened.policy, places, step }, arrays });
    this.#isSynced = false;
    this.#step = step;
  }

  async #saveAdapter(directory: string): Promise<void> {
    const { companions } = this.#options;
    const { arrays } = await this.#cluster.call("trained", { said: { policy: this.#opened.policy } });
    const named = (prefix: string): Arrays =>
      new Map(
        policyParts(this.#options).trained.map(({ name }) => [
          name,
          arrays.get(ofRank(0, `${prefix}${name}`)) as Float32Array,
        ]),
      );
    const optimizer =
      this.#step === 0
        ? undefined
        : { step: this.#step, firstMoments: named("m:"), secondMoments: named("v:") };
    const state = { policy: this.#options, parameters: named(""), optimizer, base: this.#opened.base };
    await saveEngine(directory, state, companions);
  }

  /** Files with their tensors, each given to the rank that has least to write so far. */
  #dealt(shards: readonly Shard[]): object[] {
    const loads = this.#cluster.workers.map(() => 0);
    return shards.map(({ file: name, tensors }) => {
      const owner = loads.indexOf(Math.min(...loads));
      loads[owner]! += tensors.reduce((sum, tensor) => sum + bytesIn(tensor), 0);
      return { name, owner, keys: tensors.map((tensor) => tensor.name) };
    });
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
      const key = `${pass.room}/${pass.completions}`;
      const whole = JSON.stringify([key, loss]);
      const graph = this.#graphs.get(whole) ?? lossGraph(loss, { tokens: pass.room, completions: pass.completions });
      this.#graphs.set(whole, graph);
      needed.set(key, graph);
    }
    return needed;
  }

  /** Calls every rank with its own passes. */
  #call(
    ranks: readonly (readonly Microbatch[])[],
    name: string,
    said: Readonly<Record<string, unknown>>,
    isLeftOut: (array: string) => boolean,
    graphs: readonly string[] = [],
  ): Promise<Answer> {
    const arrays = new Map<string, FrameArray>();
    for (const [rank, passes] of ranks.entries()) {
      for (const [place, pass] of passes.entries()) {
        for (const [array, values] of pass.arrays)
          if (!isLeftOut(array)) arrays.set(ofRank(rank, `${place}/${array}`), values);
      }
    }
    const each = ranks.map((passes) => ({
      batches: passes.map(({ layout, segments, room, completions }) => ({
        layout,
        segments,
        graph: graphs.indexOf(`${room}/${completions}`),
      })),
    }));
    return this.#cluster.call(name, { said: { policy: this.#opened.policy, ...said }, each, arrays });
  }

  #operations(ranks: readonly (readonly Microbatch[])[]): number {
    const { config, grammar } = this.#options;
    return ranks
      .flat()
      .filter(({ isIdle }) => !isIdle)
      .reduce((sum, pass) => sum + forwardOperations(config, grammar.segments, pass), 0);
  }

  /** Draws tokens on one worker; parts of a request take them in turn. */
  #writerOf(place: number): TokenWriter {
    const { config, grammar } = this.#options;
    const rank = place % this.#cluster.workers.length;
    const rows = new Map<number, { readonly rows: number; keys: number }>();
    const { policy } = this.#opened;
    return {
      startGeneration: async (start) => {
        numbered += 1;
        const generation = numbered;
        const { drawing, lengths, tokens, prompts, groupSize, prefix, steps, temperature } = start;
        const guidance = start.guidance ?? null;
        const shape = { ...drawing, prompts, groupSize, prefix, steps, temperature, guidance };
        // All ranks meet in it, so it is said to them before anything that only one hears.
        const synced = this.#isSynced ? undefined : this.#cluster.call("sync", { said: { policy } });
        this.#isSynced = true;
        const said = { policy, generation, shape, lengths };
        await Promise.all([
          synced,
          this.#cluster.call("start", { said, rank, arrays: new Map([["tokens", tokens]]) }),
        ]);
        rows.set(generation, { rows: prompts * groupSize, keys: prefix });
        const flops = lengths.reduce((sum, length) => sum + prefillOperations(config, length), 0);
        return { generation, flops };
      },
      decode: async (generation, { steps, drawn, tokens, forced, uniform }) => {
        const given = new Map<string, FrameArray>([
          ["tokens", tokens],
          ["forced", forced],
          ["uniform", uniform],
        ]);
        const said = { generation, steps, drawn };
        const { arrays } = await this.#cluster.call("decode", { said, rank, arrays: given });
        const run = rows.get(generation) ?? { rows: 0, keys: 0 };
        run.keys += steps;
        const segments = drawn.map((index) => grammar.segments[index]!);
        return {
          ids: arrays.get(ofRank(rank, "ids")) as BigInt64Array,
          logprobs: arrays.get(ofRank(rank, "logprobs")) as Float32Array,
          flops: decodeOperations(config, { steps, rows: run.rows, keys: run.keys, drawn: segments }),
        };
      },
      endGeneration: async (generation) => {
        // Where the engine has failed, the generation has gone with it.
        await this.#cluster.call("end", { said: { generation }, rank }).catch(() => {});
      },
    };
  }
}
