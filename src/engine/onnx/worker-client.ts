/** The engine's end of the worker: typed calls, and what happens when the worker dies. */

import type { Worker } from "node:worker_threads";

import { CheckpointError, ConfigError, EngineError, ShapeError } from "../../errors.ts";
import { DEVICES } from "../../tensor/device.ts";
import { startThread } from "../../tensor/start-module.ts";
import { TURN } from "./device-turns.ts";
import type {
  AnswerMessage,
  Arguments,
  LoadMessage,
  OnLoad,
  Result,
  WorkerSettings,
  WorkspaceCall,
  WorkspaceOptions,
} from "./worker-messages.ts";

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Errors that keep their class across threads: who reads them acts by it. Any other becomes an EngineError. */
const ERRORS = new Map([CheckpointError, ConfigError, ShapeError].map((kind) => [kind.name, kind] as const));

export class WorkerClient {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;
  #failure: Error | undefined;

  constructor(options: WorkspaceOptions, onLoad?: OnLoad) {
    this.#worker = openThread(options);
    this.#worker.on("message", (message: AnswerMessage | LoadMessage) => {
      if ("loaded" in message) onLoad?.(...message.loaded);
      else this.#settle(message);
    });
    this.#worker.on("error", (cause) =>
      this.#fail(new EngineError(`The engine's thread failed: ${cause.message}`, { cause })),
    );
    this.#worker.on("exit", (code) =>
      this.#fail(new EngineError(`The engine's thread ended with code ${code}.`)),
    );
    // An engine that nobody waits for must not keep the process alive.
    this.#worker.unref();
  }

  /** Calls a method of the workspace. Throws what it threw. */
  async call<Call extends WorkspaceCall>(call: Call, ...values: Arguments<Call>): Promise<Result<Call>> {
    return this.handOver([], call, ...values);
  }

  /** `call`, with buffers among the values that move to the worker instead of being copied: they are empty here then. */
  async handOver<Call extends WorkspaceCall>(
    buffers: readonly ArrayBuffer[],
    call: Call,
    ...values: Arguments<Call>
  ): Promise<Result<Call>> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#count += 1;
    const id = this.#count;
    this.#worker.ref();
    try {
      return (await new Promise<unknown>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        this.#worker.postMessage({ id, call, values }, [...buffers]);
      })) as Result<Call>;
    } finally {
      if (this.#waiting.size === 0) this.#worker.unref();
    }
  }

  async close(): Promise<void> {
    if (this.#failure !== undefined) return;
    await this.call("close");
    this.#failure = new EngineError("The engine is closed.");
    await this.#worker.terminate();
  }

  #settle(message: AnswerMessage): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if ("result" in message) {
      waiting?.resolve(message.result);
      return;
    }
    const Kind = ERRORS.get(message.error) ?? EngineError;
    const error = new Kind(message.message, message.hint === undefined ? {} : { hint: message.hint });
    if (message.stack !== undefined) error.stack = message.stack;
    waiting?.reject(error);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}

function openThread(options: WorkspaceOptions): Worker {
  const turn = DEVICES[options.device ?? "cpu"].takesTurns ? TURN : undefined;
  return startThread("./worker", import.meta.url, { options, turn } satisfies WorkerSettings);
}
