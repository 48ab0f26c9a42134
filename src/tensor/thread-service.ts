/** The thread's end of thread-client.ts: an object's methods, answered one at a time in the order they were called. */

import { parentPort } from "node:worker_threads";

import { sentError, type SentError } from "./sent-error.ts";

/** `undefined` as method asks the service to end. */
export interface CallMessage {
  readonly id: number;
  readonly method: string | undefined;
  readonly values: readonly unknown[];
}

export type AnswerMessage =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: SentError }
  /** Word of something that nobody called for. */
  | { readonly note: unknown };

/** Runs one call; a device's turns go around it. */
type Around = <Result>(work: () => Result | Promise<Result>) => Promise<Result>;

/** Serves the methods of an object to the thread that started this one; `around` each call. */
export function serveThread(service: AsyncDisposable, around: Around = async (work) => work()): void {
  const methods = service as unknown as Record<string, (...values: unknown[]) => unknown>;
  const answer = async ({ id, method, values }: CallMessage): Promise<void> => {
    try {
      const result = await around(() =>
        method === undefined ? service[Symbol.asyncDispose]() : methods[method]?.apply(service, [...values]),
      );
      tell({ id, result });
    } catch (error) {
      tell({ id, error: sentError(error) });
    }
  };
  let queue: Promise<void> = Promise.resolve();
  parentPort?.on("message", (message: CallMessage) => {
    queue = queue.then(() => answer(message));
  });
  parentPort?.on("messageerror", (error) => {
    // Nobody knows which call it was: the thread ends, and every caller hears why.
    throw error;
  });
}

/** Sends word to the other end. */
export function sendNote(note: unknown): void {
  tell({ note });
}

function tell(message: AnswerMessage): void {
  parentPort?.postMessage(message);
}
