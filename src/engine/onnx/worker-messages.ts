/** What the engine and its worker say to each other: calls of PolicyWorkspace by name, answered one by one. */

import type { OnLoad } from "../policy-engine.ts";
import type { PolicyWorkspace, WorkspaceOptions } from "./policy-workspace.ts";

/** What a worker is started with. */
export interface WorkerSettings {
  readonly options: WorkspaceOptions;
  /** Set where engines must not use the device at the same time. */
  readonly turn: SharedArrayBuffer | undefined;
}

/** The methods that may be called from outside. */
export type WorkspaceCall =
  | "setState"
  | "save"
  | "load"
  | "logprobs"
  | "step"
  | "startGeneration"
  | "decode"
  | "endGeneration"
  | "close";

export type Arguments<Call extends WorkspaceCall> = Parameters<PolicyWorkspace[Call]>;
export type Result<Call extends WorkspaceCall> = Awaited<ReturnType<PolicyWorkspace[Call]>>;

export interface CallMessage {
  readonly id: number;
  readonly call: WorkspaceCall;
  readonly values: readonly unknown[];
}

export type AnswerMessage =
  | { readonly id: number; readonly result: unknown }
  /** `error` is the class where it is one of ours, and `hint` may be set then. */
  | {
      readonly id: number;
      readonly error: string;
      readonly message: string;
      readonly hint: string | undefined;
      readonly stack: string | undefined;
    };

/** Beside the answers: how many of the policy's parameters have been read. */
export interface LoadMessage {
  readonly loaded: Parameters<OnLoad>;
}

export type { OnLoad, WorkspaceOptions };
