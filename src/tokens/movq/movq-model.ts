/**
 * MoVQ on numbers: pixels to codes and back, a picture at a time. Graphs are made for a size and kept for the last few
 * sizes; weights are fed to them, so all sizes share one copy, read when a half is first used.
 */

import { compile } from "../../tensor/compile.ts";
import { input } from "../../tensor/ops/leaves.ts";
import { Session, type Feeds, type SessionOptions, type TensorData } from "../../tensor/session.ts";
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

export class MovqModel implements Disposable {
  readonly config: MovqConfig;
  readonly #read: ReadParameters;
  readonly #options: SessionOptions;
  readonly #weights = new Map<MovqHalf, ReadonlyMap<string, Float32Array>>();
  readonly #sessions = new Map<string, Session>();
  #last: Promise<void> = Promise.resolve();

  constructor(config: MovqConfig, read: ReadParameters, options: SessionOptions = {}) {
    this.config = config;
    this.#read = read;
    this.#options = options;
  }

  /** Pixels [3, height, width] in −1…1. Throws ShapeError where a side is shorter than one code. */
  async encode(pixels: Float32Array, height: number, width: number): Promise<EncodedPixels> {
    const { codes, latents } = await this.#run("encoder", [height, width], { pixels });
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
    const ids = BigInt64Array.from(codes, BigInt);
    const { pixels } = await this.#run("decoder", [rows, columns], { codes: ids });
    return pixels as Float32Array;
  }

  /** Floating-point operations of one call at this size: of a picture for the encoder, of a grid for the decoder. */
  async flops(half: MovqHalf, height: number, width: number): Promise<number> {
    return this.#inTurn(async () => (await this.#session(half, [height, width])).graph.flops);
  }

  /** Gives up sessions and weights; the next call opens and reads them anew. */
  release(): Promise<void> {
    return this.#inTurn(() => {
      for (const session of this.#sessions.values()) session[Symbol.dispose]();
      this.#sessions.clear();
      this.#weights.clear();
      return Promise.resolve();
    });
  }

  [Symbol.dispose](): void {
    void this.release();
  }

  #run(half: MovqHalf, size: Size, feeds: Feeds): Promise<Record<string, TensorData>> {
    return this.#inTurn(async () => {
      const session = await this.#session(half, size);
      const weights = this.#weights.get(half) ?? (await this.#read(this.#namesOf(half)));
      this.#weights.set(half, weights);
      return session.run({ ...Object.fromEntries(weights), ...feeds });
    });
  }

  /** One call after the other: a session must not be given up while it runs, and two would share the same cores. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  #namesOf(half: MovqHalf): Iterable<string> {
    return movqParameterShapes(this.config, half).keys();
  }

  async #session(half: MovqHalf, size: Size): Promise<Session> {
    const key = `${half} ${size.join("x")}`;
    const session = this.#sessions.get(key) ?? (await this.#open(half, size));
    // The one used last goes to the end; the first is the one to give up.
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    for (const [oldest, idle] of this.#sessions) {
      if (this.#sessions.size <= MOST_SESSIONS) break;
      this.#sessions.delete(oldest);
      idle[Symbol.dispose]();
    }
    return session;
  }

  #open(half: MovqHalf, [height, width]: Size): Promise<Session> {
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
