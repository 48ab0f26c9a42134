/** The thread the policy runs in, so that judge calls, progress and the dashboard go on while onnxruntime computes. */

import { parentPort, workerData } from "node:worker_threads";

import { EarlError } from "../../errors.ts";
import { PolicyWorkspace } from "./policy-workspace.ts";
import { inTurn } from "./device-turns.ts";
import type { AnswerMessage, CallMessage, LoadMessage, WorkerSettings } from "./worker-messages.ts";

const { options, turn } = workerData as WorkerSettings;
const workspace = new PolicyWorkspace(options, (...loaded) =>
  parentPort?.postMessage({ loaded } satisfies LoadMessage),
);

async function answer({ id, call, values }: CallMessage): Promise<AnswerMessage> {
  try {
    const method = workspace[call] as (...values: unknown[]) => unknown;
    return { id, result: await inTurn(turn, () => method.apply(workspace, [...values])) };
  } catch (error) {
    const { message, stack, name } = error instanceof Error ? error : new Error(String(error));
    return { id, error: name, message, stack, hint: error instanceof EarlError ? error.hint : undefined };
  }
}

// One call at a time, in the order they came: the workspace's state is never shared by two.
let queue: Promise<void> = Promise.resolve();
parentPort?.on("message", (message: CallMessage) => {
  queue = queue.then(async () => parentPort?.postMessage(await answer(message)));
});
