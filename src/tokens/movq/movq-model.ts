/**
 * MoVQ on numbers in this process: pixels to codes and back, a picture at a time. Graphs are made for a size and kept for the last few
 * sizes; weights are fed to them, so all sizes share one copy, read when a half is first used.
 */

import { input } from "../../tensor/ops/leaves.ts";
import { GraphRunner, type Recipe } from "../../tensor/graph-runner.ts";
import type { Feeds, SessionOptions, TensorData } from "../../tensor/session.ts";
import type { Value } from "../../tensor/value.ts";
import type { GridSize } from "../vision-tokenizer.ts";
import { spatialFactor, type MovqConfig } from "./config.ts";
import { decodeCodes } from "./decoder.ts";
import { encodePictures } from "./encoder.ts";
import { movqParameterShapes, parameterInputs, type MovqHalf } from "./parameters.ts";
import type { ReadParameters } from "./weights.ts";

/** onnxruntime keeps a session's working memory, half a gigabyte for 256 × 256 pixels at Emu3's size. */
const MOST_SESSIONS = 3;

/** Pixels of a picture for the encoder, codes of a grid for the decoder. */
type Size = readonly [height: number, width: number];

export interface EncodedPixels extends GridSize {
  /** [rows, columns] */
  readonly codes: Int32Array;
  /** What was quantised, [D, rows, columns]. */
  readonly latents: Float32Array;
}

/** Where MoVQ's numbers are computed: here, or in an engine's workers, which share out what they are given at once. */
export interface MovqNumbers extends AsyncDisposable {
  readonly config: MovqConfig;
  /** Pictures of one size, pixels [3, height, width] each. */
  encodeAll(pictures: readonly Float32Array[], height: number, width: number): Promise<EncodedPixels[]>;
  /** Grids of one size, codes [rows, columns] each. */
  decodeAll(grids: readonly Int32Array[], size: GridSize): Promise<Float32Array[]>;
}

export class MovqModel implements MovqNumbers {
  readonly config: MovqConfig;
  readonly #read: ReadParameters;
  readonly #runner: GraphRunner;
  readonly #weights = new Map<MovqHalf, Promise<Feeds>>();

  constructor(config: MovqConfig, read: ReadParameters, { threads }: Pick<SessionOptions, "threads"> = {}) {
    this.config = config;
    this.#read = read;
    this.#runner = new GraphRunner({ threads, mostSessions: MOST_SESSIONS });
  }

  /** Pixels [3, height, width] in −1…1. Throws ShapeError where a side is shorter than one code. */
  async encode(pixels: Float32Array, height: number, width: number): Promise<EncodedPixels> {
    const { codes, latents } = await this.#run("encoder", [height, width], { pixels });
    return encodedPixels(this.config, [height, width], {
      codes: codes as BigInt64Array,
      latents: latents as Float32Array,
    });
  }

  async encodeAll(
    pictures: readonly Float32Array[],
    height: number,
    width: number,
  ): Promise<EncodedPixels[]> {
    const encoded: EncodedPixels[] = [];
    for (const pixels of pictures) encoded.push(await this.encode(pixels, height, width));
    return encoded;
  }

  async decodeAll(grids: readonly Int32Array[], size: GridSize): Promise<Float32Array[]> {
    const decoded: Float32Array[] = [];
    for (const codes of grids) decoded.push(await this.decode(codes, size));
    return decoded;
  }

  /** Pixels [3, rows · factor, columns · factor] of codes [rows, columns], around −1…1 but not clipped. */
  async decode(codes: Int32Array, { rows, columns }: GridSize): Promise<Float32Array> {
    const ids = BigInt64Array.from(codes, BigInt);
    const { pixels } = await this.#run("decoder", [rows, columns], { codes: ids });
    return pixels as Float32Array;
  }

  /** Floating-point operations of one call at this size: of a picture for the encoder, of a grid for the decoder. */
  flops(half: MovqHalf, height: number, width: number): Promise<number> {
    return this.#runner.flopsOf(this.#recipe(half, [height, width]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#weights.clear();
    await this.#runner[Symbol.asyncDispose]();
  }

  async #run(half: MovqHalf, size: Size, feeds: Feeds): Promise<Record<string, TensorData>> {
    const { read } = await this.#runner.run(this.#recipe(half, size), {
      ...(await this.#weightsOf(half)),
      ...feeds,
    });
    return read;
  }

  #weightsOf(half: MovqHalf): Promise<Feeds> {
    const known = this.#weights.get(half);
    if (known !== undefined) return known;
    const names = movqParameterShapes(this.config, half).keys();
    const weights = this.#read(names).then((arrays): Feeds => Object.fromEntries(arrays));
    // What could not be read is tried anew the next time.
    weights.catch(() => this.#weights.delete(half));
    this.#weights.set(half, weights);
    return weights;
  }

  #recipe(half: MovqHalf, size: Size): Recipe {
    return { key: [half, ...size], build: () => movqGraph(this.config, half, [1, ...size]) };
  }
}

/**
 * One half as a graph: `pixels` [B, 3, height, width] to `latents` and `codes`, or `codes` [B, height, width] to `pixels`.
 * It takes parameters by their names.
 */
export function movqGraph(
  config: MovqConfig,
  half: MovqHalf,
  [batch, height, width]: readonly [number, number, number],
): Record<string, Value> {
  const { parameters } = parameterInputs();
  if (half === "encoder") {
    const pixels = input("pixels", [batch, config.inputChannels, height, width]);
    const { latents, codes } = encodePictures(config, parameters, pixels);
    return { latents, codes };
  }
  return { pixels: decodeCodes(config, parameters, input("codes", [batch, height, width], "int64")) };
}

/** What an encoder put out for one picture of this size. */
export function encodedPixels(
  config: MovqConfig,
  [height, width]: Size,
  { codes, latents }: { readonly codes: BigInt64Array; readonly latents: Float32Array },
): EncodedPixels {
  const factor = spatialFactor(config);
  return {
    rows: Math.floor(height / factor),
    columns: Math.floor(width / factor),
    codes: Int32Array.from(codes, Number),
    latents,
  };
}
