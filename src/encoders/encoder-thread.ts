/**
 * An encoder in a thread of its own, so that a judge's sockets, progress and Ctrl-C stay alive here. What is asked of it
 * at the same time travels together; pictures are remembered as long as somebody holds them, texts always.
 */

import { EngineError } from "../errors.ts";
import type { Picture } from "../images/picture.ts";
import { startThread } from "../tensor/start-module.ts";
import { ThreadClient } from "../tensor/thread-client.ts";
import type { PictureTextEncoder } from "./encoder.ts";
import { Together } from "./together.ts";

export type EncoderKind = "clip" | "dino";

/** What the thread serves. */
export interface EncoderModel extends AsyncDisposable {
  pictures(pictures: readonly Picture[]): Promise<Float32Array[]>;
  texts?(texts: readonly string[]): Promise<Float32Array[]>;
  logitScale?(): Promise<number>;
}

export interface EncoderThreadSettings {
  readonly kind: EncoderKind;
  readonly directory: string;
  /** Threads inside an op; 0 takes every core. */
  readonly threads: number;
}

/** Sent at a time: two full batches of the model, so that it has one to go on with. */
const MOST_AT_ONCE = 32;

export class EncoderThread implements PictureTextEncoder, AsyncDisposable {
  readonly #settings: EncoderThreadSettings;
  #client: ThreadClient<Required<EncoderModel>> | undefined;
  #isClosed = false;
  #scale: Promise<number> | undefined;
  readonly #seen = new WeakMap<Picture, Promise<Float32Array>>();
  readonly #read = new Map<string, Promise<Float32Array>>();
  readonly #pictures = new Together<Picture, Float32Array>(
    (pictures) => this.#thread().call("pictures", pictures),
    MOST_AT_ONCE,
  );
  readonly #texts = new Together<string, Float32Array>(
    (texts) => this.#thread().call("texts", texts),
    MOST_AT_ONCE,
  );

  constructor(settings: EncoderThreadSettings) {
    this.#settings = settings;
  }

  pictures(pictures: readonly Picture[]): Promise<Float32Array[]> {
    return Promise.all(
      pictures.map((one) => {
        const vector = this.#seen.get(one) ?? this.#pictures.ask(one);
        this.#seen.set(one, vector);
        return vector;
      }),
    );
  }

  texts(texts: readonly string[]): Promise<Float32Array[]> {
    return Promise.all(
      texts.map((one) => {
        const vector = this.#read.get(one) ?? this.#texts.ask(one);
        this.#read.set(one, vector);
        return vector;
      }),
    );
  }

  logitScale(): Promise<number> {
    this.#scale ??= this.#thread().call("logitScale");
    return this.#scale;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#client?.[Symbol.asyncDispose]();
  }

  #thread(): ThreadClient<Required<EncoderModel>> {
    if (this.#isClosed) throw new EngineError("The encoder is closed.");
    this.#client ??= new ThreadClient(startThread("./worker", import.meta.url, this.#settings), {
      name: this.#settings.kind === "clip" ? "CLIP" : "DINO",
    });
    return this.#client;
  }
}
