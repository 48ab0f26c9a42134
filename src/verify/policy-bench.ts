/** What the comparisons of a language model share: the recording, and a workspace that holds its weights. */

import type { PolicyWorkspace } from "../engine/onnx/policy-workspace.ts";
import type { Grammar } from "../tokens/grammar.ts";
import type { PolicyRecording } from "./policy-recording.ts";

export interface Bench {
  readonly recording: PolicyRecording;
  readonly space: PolicyWorkspace;
  /** Any id may follow any. */
  readonly grammar: Grammar;
}
