/** The thread that a policy runs in. */

import { workerData } from "node:worker_threads";

import { sendNote, serveThread } from "../../tensor/thread-service.ts";
import { inTurn } from "./device-turns.ts";
import { PolicyWorkspace, type WorkspaceOptions } from "./policy-workspace.ts";

/** What the thread is started with. */
export interface WorkerSettings {
  readonly options: WorkspaceOptions;
  /** Set where engines must not use the device at the same time. */
  readonly turn: SharedArrayBuffer | undefined;
}

const { options, turn } = workerData as WorkerSettings;
serveThread(new PolicyWorkspace(options, (...loaded) => sendNote(loaded)), (work) => inTurn(turn, work));
