/** A language model against its recording: every comparison that the recording has results for, in turn. */

import { PolicyWorkspace } from "../engine/onnx/policy-workspace.ts";
import { plainGrammar } from "../tokens/plain-grammar.ts";
import type { Comparison } from "./comparison.ts";
import {
  compareGreedy,
  compareLogits,
  compareLogprobs,
  comparePositions,
  openOnnx,
} from "./policy-outputs.ts";
import { afterFirstToken, afterPrompt, openPolicyRecording } from "./policy-recording.ts";
import { compareLoss, compareSteps, lossesOf } from "./policy-training.ts";

/** Compares what the recording holds, quantity by quantity. What it leaves out is not compared. */
export async function* comparePolicy(directory: string): AsyncGenerator<Comparison, string[]> {
  const recording = await openPolicyRecording(directory);
  const { config, optimizer, expected, parameters, tokens } = recording;
  const grammar = plainGrammar(config.vocabularySize, { length: tokens });
  const space = new PolicyWorkspace({
    config,
    segments: grammar.segments,
    optimizer,
    recompute: false,
    threads: 0,
  });
  const bench = { recording, space, grammar };
  try {
    await space.setState({ kind: "arrays", arrays: parameters });
    if (expected.has("position_ids")) yield* comparePositions(recording);
    if (expected.has("logits")) yield await compareLogits(bench);
    if (expected.has("logprobs")) {
      yield await compareLogprobs(bench, "log-probabilities", afterFirstToken);
      yield await compareLogprobs(bench, "log-probabilities after a shared prompt", afterPrompt(recording));
    }
    for (const [name, spec] of Object.entries(lossesOf(recording))) {
      if (expected.has(`${name}.loss`)) yield* compareLoss(bench, name, spec);
    }
    if (expected.has("adamw.loss")) yield* compareSteps(bench);
    if (expected.has("greedy")) yield* compareGreedy(recording, openOnnx(recording));
    return expected.unread();
  } finally {
    await space[Symbol.asyncDispose]();
    await expected.close();
  }
}
