/**
 * The callers' end of a thread that serves an object's methods (thread-service.ts), so that judge calls, progress and
 * Ctrl-C go on while onnxruntime computes there. Calls are answered in order; when the thread dies, every one hears it.
 */

import type { Worker } from "node:worker_threads";

import { EngineError } from "../errors.ts";
import { receivedError } from "./sent-error.ts";
import type { AnswerMessage, CallMessage } from "./thread-service.ts";

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Method<Service> = {
  [Name in keyof Service & string]: Service[Name] extends (...values: never) => unknown ? Name : never;
}[keyof Service & string];
type Values<Service, Name extends Method<Service>> = Service[Name] extends (...values: infer All) => unknown
  ? All
  : never;
type Result<Service, Name extends Method<Service>> = Service[Name] extends (...values: never) => infer One
  ? Awaited<One>
  : never;

export interface ThreadOptions {
  /** What the thread is, to be named in errors: "The engine". */
  readonly name: string;
  /** Hears what the service tells without being called. */
  readonly onNote?: (note: unknown) => void;
}

export class ThreadClient<Service extends object> implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #name: string;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;
  #failure: Error | undefined;
  #end: Promise<void> | undefined;

  constructor(worker: Worker, { name, onNote }: ThreadOptions) {
    this.#worker = worker;
    this.#name = name;
    worker.on("message", (message: AnswerMessage) => {
      if ("note" in message) onNote?.(message.note);
      else this.#settle(message);
    });
    const failed = (what: string, cause?: unknown): void =>
      this.#fail(new EngineError(`${name}'s thread ${what}.`, cause === undefined ? {} : { cause }));
    worker.on("error", (cause) => failed(`failed: ${cause instanceof Error ? cause.message : cause}`, cause));
    worker.on("messageerror", (cause) =>
      failed(`gave an answer that cannot be read: ${cause.message}`, cause),
    );
    worker.on("exit", (code) => failed(`ended with code ${code}`));
    // A service that nobody waits for must not keep the process alive.
    worker.unref();
  }

  /** Calls a method of the service. Throws what it threw. */
  call<Name extends Method<Service>>(
    method: Name,
    ...values: Values<Service, Name>
  ): Promise<Result<Service, Name>> {
    return this.handOver([], method, ...values);
  }

  /** `call`, with buffers among the values that move to the thread instead of being copied: they are empty here then. */
  async handOver<Name extends Method<Service>>(
    buffers: readonly ArrayBuffer[],
    method: Name,
    ...values: Values<Service, Name>
  ): Promise<Result<Service, Name>> {
    if (this.#end !== undefined) throw new EngineError(`${this.#name} is closed.`);
    return (await this.#ask(method, values, buffers)) as Result<Service, Name>;
  }

  /** Waits for the calls before it, lets the service free what it holds, and ends the thread. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#end ??= this.#close();
    return this.#end;
  }

  async #close(): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      await this.#ask(undefined, [], []);
    } finally {
      this.#failure ??= new EngineError(`${this.#name} is closed.`);
      await this.#worker.terminate();
    }
  }

  async #ask(
    method: string | undefined,
    values: readonly unknown[],
    buffers: readonly ArrayBuffer[],
  ): Promise<unknown> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#count += 1;
    const id = this.#count;
    this.#worker.ref();
    try {
      return await new Promise<unknown>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        this.#worker.postMessage({ id, method, values } satisfies CallMessage, [...buffers]);
      });
    } finally {
      // Also where the message could not be sent.
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#worker.unref();
    }
  }

  #settle(message: Exclude<AnswerMessage, { note: unknown }>): void {
    const waiting = this.#waiting.get(message.id);
    if ("result" in message) waiting?.resolve(message.result);
    else waiting?.reject(receivedError(message.error));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
  }
}
