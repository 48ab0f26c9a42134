/**
 * MoVQ on numbers: pixels to codes and back, a picture at a time. Graphs are made for a size and kept for the last few
 * sizes; weights are fed to them, so all sizes share one copy, read when a half is first used.
 */

import { compile } from "../../tensor/compile.ts";
import { input } from "../../tensor/ops/leaves.ts";
import { Session, type SessionOptions } from "../../tensor/session.ts";
import type { GridSize } from "../vision-tokenizer.ts";
import { spatialFactor, type MovqConfig } from "./config.ts";
import { decodeCodes } from "./decoder.ts";
import { encodePictures } from "./encoder.ts";
import { movqParameterShapes, parameterInputs, type MovqHalf } from "./parameters.ts";
import type { ReadParameters } from "./weights.ts";

/** onnxruntime keeps a session's working memory, half a gigabyte for 256 × 256 pixels at Emu3's size. */
const MOST_SIZES = 2;

export interface EncodedPixels extends GridSize {
  /** [rows, columns] */
  readonly codes: Int32Array;
  /** What was quantised, [D, rows, columns]. */
  readonly latents: Float32Array;
}

export class MovqModel implements Disposable {
  readonly config: MovqConfig;
  readonly #read: ReadParameters;
  readonly #options: SessionOptions;
  readonly #weights = new Map<MovqHalf, Promise<ReadonlyMap<string, Float32Array>>>();
  readonly #sessions: Record<MovqHalf, Map<string, Promise<Session>>> = {
    encoder: new Map(),
    decoder: new Map(),
  };

  constructor(config: MovqConfig, read: ReadParameters, options: SessionOptions = {}) {
    this.config = config;
    this.#read = read;
    this.#options = options;
  }

  /** Pixels [3, height, width] in −1…1. Throws ShapeError where a side is shorter than one code. */
  async encode(pixels: Float32Array, height: number, width: number): Promise<EncodedPixels> {
    const session = await this.#session("encoder", height, width);
    const feeds = { ...Object.fromEntries(await this.#parameters("encoder")), pixels };
    const { codes, latents } = await session.run(feeds);
    const factor = spatialFactor(this.config);
    return {
      rows: Math.floor(height / factor),
      columns: Math.floor(width / factor),
      codes: Int32Array.from(codes as BigInt64Array, Number),
      latents: latents as Float32Array,
    };
  }

  /** Pixels [3, rows · factor, columns · factor] of codes [rows, columns], around −1…1 but not clipped. */
  async decode(codes: Int32Array, { rows, columns }: GridSize): Promise<Float32Array> {
    const session = await this.#session("decoder", rows, columns);
    const weights = Object.fromEntries(await this.#parameters("decoder"));
    const { pixels } = await session.run({ ...weights, codes: BigInt64Array.from(codes, BigInt) });
    return pixels as Float32Array;
  }

  /** Floating-point operations of one call at this size: of a picture for the encoder, of a grid for the decoder. */
  async flops(half: MovqHalf, height: number, width: number): Promise<number> {
    return (await this.#session(half, height, width)).graph.flops;
  }

  [Symbol.dispose](): void {
    for (const sessions of Object.values(this.#sessions)) {
      for (const session of sessions.values()) void session.then((open) => open[Symbol.dispose]());
      sessions.clear();
    }
    this.#weights.clear();
  }

  async #parameters(half: MovqHalf): Promise<ReadonlyMap<string, Float32Array>> {
    const known = this.#weights.get(half);
    if (known !== undefined) return known;
    const reading = this.#read(movqParameterShapes(this.config, half).keys());
    this.#weights.set(half, reading);
    // A file that could not be read may be there the next time.
    reading.catch(() => this.#weights.delete(half));
    return reading;
  }

  #session(half: MovqHalf, height: number, width: number): Promise<Session> {
    const sessions = this.#sessions[half];
    const size = `${height}x${width}`;
    const known = sessions.get(size) ?? this.#open(half, height, width);
    // The size used last goes to the end; the first is the one to give up.
    sessions.delete(size);
    sessions.set(size, known);
    for (const [oldest, session] of sessions) {
      if (sessions.size <= MOST_SIZES) break;
      sessions.delete(oldest);
      void session.then((open) => open[Symbol.dispose]());
    }
    return known;
  }

  async #open(half: MovqHalf, height: number, width: number): Promise<Session> {
    const { parameters } = parameterInputs();
    if (half === "encoder") {
      const pixels = input("pixels", [1, this.config.inputChannels, height, width]);
      const { latents, codes } = encodePictures(this.config, parameters, pixels);
      return Session.open(compile({ latents, codes }), this.#options);
    }
    const codes = input("codes", [1, height, width], "int64");
    return Session.open(compile({ pixels: decodeCodes(this.config, parameters, codes) }), this.#options);
  }
}
