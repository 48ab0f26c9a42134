/**
 * What judges have answered: not asked for again, in this run or another, and equal questions at the same time are
 * asked once. Failures are not remembered.
 */

import { createHash } from "node:crypto";
import type { z } from "zod";
import type { Picture } from "../images/picture.ts";
import type { AnswerStore } from "./answer-store.ts";
import { NO_USAGE } from "./attempt.ts";
import { InFlight } from "./in-flight.ts";
import type { CallListener } from "./judge-call.ts";
import type { Asked } from "./pursuit.ts";
import type { Timers } from "./timers.ts";

export interface Recall<Answer> {
  /** Which question it is, for reports. */
  readonly name: string;
  /** Everything that an answer depends on; undefined where it must not be remembered. */
  readonly key: readonly unknown[] | undefined;
  readonly schema: z.ZodType<Answer>;
  readonly ask: (signal: AbortSignal) => Promise<Asked<Answer>>;
}

export type ModelAnswer<Answer> =
  | { readonly kind: "answered"; readonly answer: Answer }
  | { readonly kind: "unparsable" | "unreachable"; readonly reason: string };

export interface MemoryParts {
  /** Undefined where nothing is kept beyond the moment. */
  readonly store: AnswerStore | undefined;
  readonly timers: Timers;
  readonly onCall: CallListener | undefined;
}

/** Raised whenever an equal question may lead to another answer. */
const KEY_VERSION = 1;

export class AnswerMemory implements Disposable {
  readonly #parts: MemoryParts;
  readonly #inFlight = new InFlight();
  /** A group's completions share their source, which need not be hashed for each. */
  readonly #hashes = new WeakMap<Picture, string>();

  /** Owns the store. */
  constructor(parts: MemoryParts) {
    this.#parts = parts;
  }

  /** Rejects only when the signal aborts. */
  async recall<Answer>(
    { name, key, schema, ask }: Recall<Answer>,
    signal: AbortSignal,
  ): Promise<ModelAnswer<Answer>> {
    const { timers, store, onCall } = this.#parts;
    signal.throwIfAborted();
    const begun = timers.seconds();
    const hash = key === undefined ? undefined : hashOf([KEY_VERSION, ...key]);
    const stored = hash === undefined ? undefined : schema.safeParse(store?.get(hash));
    let isOwn = false;
    const askNow = (stop: AbortSignal): Promise<Asked<Answer>> => {
      isOwn = true;
      return ask(stop);
    };
    const asked: Asked<Answer> =
      stored?.success === true
        ? { kind: "answered", answer: stored.data, attempts: [], usage: NO_USAGE }
        : hash === undefined
          ? await askNow(signal)
          : await this.#inFlight.share(hash, signal, askNow);
    if (isOwn && hash !== undefined && asked.kind === "answered") this.#keep(hash, asked.answer);
    onCall?.({
      question: name,
      kind: asked.kind,
      isCached: !isOwn,
      seconds: timers.seconds() - begun,
      attempts: isOwn ? asked.attempts : [],
      usage: isOwn ? asked.usage : NO_USAGE,
      ...(asked.kind !== "answered" && { reason: asked.reason }),
    });
    return asked;
  }

  /** What stands for a picture in a key. */
  hashOf(picture: Picture): string {
    const known = this.#hashes.get(picture);
    if (known !== undefined) return known;
    const { width, height, pixels } = picture;
    const hash = createHash("sha256").update(`${width} ${height} `).update(pixels).digest("base64url");
    this.#hashes.set(picture, hash);
    return hash;
  }

  [Symbol.dispose](): void {
    this.#parts.store?.[Symbol.dispose]();
  }

  /** A full disk costs what is not kept, never the answer. */
  #keep(hash: string, answer: unknown): void {
    try {
      this.#parts.store?.put(hash, answer);
    } catch {
      // The next equal question is asked again.
    }
  }
}

function hashOf(key: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(key)).digest("base64url");
}
