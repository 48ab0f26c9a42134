/**
 * MoVQ in a thread of its own: a picture takes seconds there, in which progress, a judge's sockets and Ctrl-C stay alive
 * here. The thread starts with the first picture.
 */

import type { Picture } from "../../images/picture.ts";
import { EngineError } from "../../errors.ts";
import { startThread } from "../../tensor/start-module.ts";
import { ThreadClient } from "../../tensor/thread-client.ts";
import type { CodeGrid } from "../vision-tokenizer.ts";
import type { MovqPictures, MovqRunner } from "./movq-pictures.ts";
import type { MovqThreadSettings } from "./worker.ts";

export class MovqThread implements MovqRunner {
  readonly #settings: MovqThreadSettings;
  #client: ThreadClient<MovqPictures> | undefined;
  #isClosed = false;

  constructor(settings: MovqThreadSettings) {
    this.#settings = settings;
  }

  encode(pictures: readonly Picture[]): Promise<CodeGrid[]> {
    return this.#thread().call("encode", pictures);
  }

  decode(grids: readonly CodeGrid[]): Promise<Picture[]> {
    return this.#thread().call("decode", grids);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#client?.[Symbol.asyncDispose]();
  }

  #thread(): ThreadClient<MovqPictures> {
    if (this.#isClosed) throw new EngineError("The vision tokenizer is closed.");
    this.#client ??= new ThreadClient(startThread("./worker", import.meta.url, this.#settings), {
      name: "The vision tokenizer",
    });
    return this.#client;
  }
}
