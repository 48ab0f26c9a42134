/**
 * MoVQ in the workers: its graphs travel, its weights are read by each worker where they lie, pictures of one size are
 * dealt to the workers a few at a time.
 */

import { resolve } from "node:path";

import type { GridSize } from "../../tokens/vision-tokenizer.ts";
import { spatialFactor, type MovqConfig } from "../../tokens/movq/config.ts";
import {
  encodedPixels,
  movqGraph,
  type EncodedPixels,
  type MovqNumbers,
} from "../../tokens/movq/movq-model.ts";
import { movqParameterShapes, type MovqHalf } from "../../tokens/movq/parameters.ts";
import type { MovqPlace } from "../../tokens/movq/weights.ts";
import { ofRank, type Answer, type Cluster } from "./cluster.ts";
import type { FrameArray } from "./frames.ts";
import { nextNumber } from "./numbers.ts";
import { sentGraph, type SentGraph } from "./sent-graph.ts";

/** Pixels that a worker has at once: about 2 GB of values between layers at Emu3's size. A larger picture goes alone. */
const PIXELS_AT_ONCE = 4 * 65_536;
const PICTURES_AT_ONCE = 4;

/** Arrays of one picture, by the graph's names. */
type Outputs = Readonly<Record<string, FrameArray>>;

export class ClusterMovq implements MovqNumbers {
  readonly config: MovqConfig;
  readonly #cluster: () => Promise<Cluster>;
  readonly #places: ReadonlyMap<string, MovqPlace>;
  readonly #graphs = new Map<string, SentGraph>();
  /** Weights that the workers hold, by half: the number that they know them by. */
  readonly #held = new Map<MovqHalf, Promise<number>>();
  #turn = 0;

  /** The cluster is asked for with the first picture. `places` says where the weights lie for the workers to read. */
  constructor(cluster: () => Promise<Cluster>, config: MovqConfig, places: ReadonlyMap<string, MovqPlace>) {
    this.#cluster = cluster;
    this.config = config;
    this.#places = places;
  }

  async encodeAll(
    pictures: readonly Float32Array[],
    height: number,
    width: number,
  ): Promise<EncodedPixels[]> {
    const outputs = await this.#run("encoder", [height, width], { name: "pixels", items: pictures });
    return outputs.map(({ codes, latents }) =>
      encodedPixels(this.config, [height, width], {
        codes: codes as BigInt64Array,
        latents: latents as Float32Array,
      }),
    );
  }

  async decodeAll(grids: readonly Int32Array[], { rows, columns }: GridSize): Promise<Float32Array[]> {
    const items = grids.map((codes) => BigInt64Array.from(codes, BigInt));
    const outputs = await this.#run("decoder", [rows, columns], { name: "codes", items });
    return outputs.map(({ pixels }) => pixels as Float32Array);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const set of this.#held.values()) {
      // Where the engine has failed, what it held has gone with it.
      await set
        .then(async (number) => (await this.#cluster()).call("release", { said: { set: number } }))
        .catch(() => {});
    }
    this.#held.clear();
  }

  /** How pictures are divided depends on their size alone, not on the workers, so that their codes do not either. */
  async #run(
    half: MovqHalf,
    size: readonly [number, number],
    given: { readonly name: string; readonly items: readonly (Float32Array | BigInt64Array)[] },
  ): Promise<Outputs[]> {
    const cluster = await this.#cluster();
    const set = await this.#weightsOf(half, cluster);
    const side = half === "encoder" ? 1 : spatialFactor(this.config);
    const pixels = size[0] * size[1] * side * side;
    const atOnce = Math.max(1, Math.min(PICTURES_AT_ONCE, Math.floor(PIXELS_AT_ONCE / pixels)));
    const parts = Array.from({ length: Math.ceil(given.items.length / atOnce) }, (_, place) =>
      given.items.slice(place * atOnce, (place + 1) * atOnce),
    );
    const outputs = await Promise.all(
      parts.map(async (items) => {
        const rank = this.#turn % cluster.workers.length;
        this.#turn += 1;
        const graph = this.#graphOf(half, [items.length, ...size]);
        const arrays = new Map([[given.name, joined(items)]]);
        return perItem(
          await cluster.call("compute", { said: { set, graph }, rank, arrays }),
          rank,
          items.length,
        );
      }),
    );
    return outputs.flat();
  }

  #graphOf(half: MovqHalf, shape: readonly [number, number, number]): SentGraph {
    const key = `${half}/${shape.join("/")}`;
    const graph = this.#graphs.get(key) ?? sentGraph(movqGraph(this.config, half, shape));
    this.#graphs.set(key, graph);
    return graph;
  }

  #weightsOf(half: MovqHalf, cluster: Cluster): Promise<number> {
    const known = this.#held.get(half);
    if (known !== undefined) return known;
    const set = nextNumber();
    const shapes = movqParameterShapes(this.config, half);
    const places = Object.fromEntries(
      Array.from(shapes.keys(), (name) => {
        const { path, stored } = this.#places.get(name)!;
        return [name, [resolve(path), stored]];
      }),
    );
    const held = cluster
      .call("hold", { said: { set, shapes: Object.fromEntries(shapes), places } })
      .then(() => set);
    this.#held.set(half, held);
    return held;
  }
}

function joined<Values extends Float32Array | BigInt64Array>(items: readonly Values[]): Values {
  const [first] = items as readonly [Values];
  const all = (
    first instanceof Float32Array
      ? new Float32Array(first.length * items.length)
      : new BigInt64Array(first.length * items.length)
  ) as Values;
  for (const [place, values] of items.entries()) all.set(values as never, place * first.length);
  return all;
}

/** Every output begins with the axis of the batch. */
function perItem({ arrays }: Answer, rank: number, count: number): Outputs[] {
  const prefix = ofRank(rank, "");
  const named = Array.from(arrays, ([name, values]) => [name.slice(prefix.length), values] as const);
  return Array.from({ length: count }, (_, place) =>
    Object.fromEntries(
      named.map(([name, values]) => {
        const each = values.length / count;
        return [name, values.slice(place * each, (place + 1) * each)];
      }),
    ),
  );
}
