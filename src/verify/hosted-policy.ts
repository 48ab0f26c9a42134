/**
 * A language model against its recording, in an engine as the loop uses it: nothing is asked of it but what every
 * engine does, so its workers, their sharding and their checkpoints are compared, too.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { EngineHost, EngineRequest } from "../engine/engine-host.ts";
import { openOptimizer } from "../engine/onnx/optimizer-files.ts";
import type { PolicyEngine, TrainingGroup } from "../engine/policy-engine.ts";
import { SFT_LOSS, type LossSpec } from "../algorithms/losses.ts";
import { openPolicyDirectory } from "../policy/policy-directory.ts";
import { SafetensorsFile } from "../policy/safetensors.ts";
import { plainGrammar } from "../tokens/plain-grammar.ts";
import { compareNumbers, type Comparison, type NumberOptions } from "./comparison.ts";
import { compareGreedy, comparePositions, LOGPROB } from "./policy-outputs.ts";
import {
  afterFirstToken,
  afterPrompt,
  groupsOf,
  openPolicyRecording,
  type PolicyRecording,
  type Split,
} from "./policy-recording.ts";
import {
  compareTensors,
  groupsFor,
  LOSS,
  lossesOf,
  NORM,
  PARAMETER,
  recordedSteps,
} from "./policy-training.ts";
import { piece } from "./recorded-tensors.ts";

/** Of the largest value of each tensor: a mean over workers instead of a sum is far off, and so is one wrong rounding. */
const GRADIENT: NumberOptions = { tolerance: { kind: "relative", limit: 1e-5 } };
/** At which recorded logits are compared, since an engine tells log-probabilities. */
const TEMPERATURES = [0.5, 2];

/** Compares what the recording holds, quantity by quantity. What it leaves out is not compared. */
export async function* comparePolicyOn(
  host: EngineHost,
  directory: string,
): AsyncGenerator<Comparison, string[]> {
  const recording = await openPolicyRecording(directory);
  const { config, optimizer, expected, tokens } = recording;
  const request: EngineRequest = {
    name: directory,
    config,
    grammar: plainGrammar(config.vocabularySize, { length: tokens }),
    trained: "all",
    weights: { kind: "files", directory },
    optimizer,
  };
  const folder = await mkdtemp(join(tmpdir(), "earl-verify-"));
  try {
    if (expected.has("position_ids")) yield* comparePositions(recording);
    yield* compareScores(host, request, recording);
    yield* compareLosses(host, request, { recording, folder });
    if (expected.has("adamw.loss")) yield* compareSteps(host, request, { recording, folder });
    if (expected.has("greedy"))
      yield* compareGreedy(recording, (grammar) => host.openEngine({ ...request, grammar }));
    return expected.unread();
  } finally {
    await expected.close();
    await rm(folder, { recursive: true });
  }
}

async function* compareScores(
  host: EngineHost,
  request: EngineRequest,
  recording: PolicyRecording,
): AsyncGenerator<Comparison> {
  const { expected } = recording;
  await using engine = await host.openEngine(request);
  if (expected.has("logits")) {
    for (const temperature of TEMPERATURES) {
      const want = await scoresOfLogits(recording, temperature);
      const got = await scores(engine, recording, { split: afterFirstToken, temperature });
      yield compareNumbers(`logits, as log-probabilities at ${temperature}`, { got, want }, LOGPROB);
    }
  }
  if (!expected.has("logprobs")) return;
  const recorded = await expected.numbers("logprobs");
  const splits = {
    "log-probabilities": afterFirstToken,
    "log-probabilities after a shared prompt": afterPrompt(recording),
  };
  for (const [quantity, split] of Object.entries(splits)) {
    const want = recording.rows.flatMap((row, index) =>
      Array.from(piece(recorded, index, recording.rows.length).subarray(split(row) - 1, row.end - 1)),
    );
    const got = await scores(engine, recording, { split, temperature: 1 });
    yield compareNumbers(quantity, { got, want }, LOGPROB);
  }
}

/** Of every token after the split, row by row. */
async function scores(
  engine: PolicyEngine,
  recording: PolicyRecording,
  { split, temperature }: { readonly split: Split; readonly temperature: number },
): Promise<number[]> {
  const { logprobs } = await engine.logprobs(groupsOf(recording, split), "policy", temperature);
  return logprobs.flat().flatMap((values) => Array.from(values));
}

async function scoresOfLogits(
  { expected, rows, tokens, config }: PolicyRecording,
  temperature: number,
): Promise<number[]> {
  const logits = await expected.numbers("logits");
  const width = config.vocabularySize;
  return rows.flatMap((row, index) =>
    Array.from({ length: row.end - row.first - 1 }, (_, place) => {
      const at = row.first + place;
      const start = (index * tokens + at) * width;
      const scaled = Array.from(logits.subarray(start, start + width), (logit) => logit / temperature);
      const largest = scaled.reduce((most, value) => Math.max(most, value), -Infinity);
      const total = scaled.reduce((sum, value) => sum + Math.exp(value - largest), 0);
      return scaled[row.ids[at + 1]!]! - largest - Math.log(total);
    }),
  );
}

interface Trained {
  readonly recording: PolicyRecording;
  /** For checkpoints: what an engine learned is read where it saved it. */
  readonly folder: string;
}

async function* compareLosses(
  host: EngineHost,
  request: EngineRequest,
  { recording, folder }: Trained,
): AsyncGenerator<Comparison> {
  const { expected } = recording;
  const losses = Object.entries(lossesOf(recording)).filter(([name]) => expected.has(`${name}.loss`));
  if (losses.length === 0) return;
  // With β₁ = 0 and nothing clipped, AdamW's first moment is the gradient; at a learning rate of 0 no weight moves.
  const optimizer = { ...request.optimizer, beta1: 0, maxGradNorm: Number.MAX_VALUE };
  await using engine = await host.openEngine({ ...request, optimizer });
  for (const [name, spec] of losses) {
    const { loss, kl } = await engine.step(trainingGroups(recording, name), spec, 0);
    yield compareNumbers(`${name} loss`, { got: [loss], want: await expected.numbers(`${name}.loss`) }, LOSS);
    if (expected.has(`${name}.kl_k3_mean`)) {
      const want = await expected.numbers(`${name}.kl_k3_mean`);
      yield compareNumbers(`${name} KL (k3)`, { got: [kl], want }, LOSS);
    }
    const saved = join(folder, name);
    await engine.save(saved);
    yield* compareTensors(recording, `${name}.grad.`, {
      quantity: `${name} gradients`,
      got: await firstMoments(saved, request),
      options: GRADIENT,
    });
  }
}

function trainingGroups(recording: PolicyRecording, name: string): TrainingGroup[] {
  return groupsFor(recording, name) as TrainingGroup[];
}

async function firstMoments(directory: string, request: EngineRequest): Promise<Map<string, Float32Array>> {
  const moments = new Map<string, Float32Array>();
  const state = await openOptimizer(directory, request);
  for (const [name, { path, key }] of state?.places ?? []) {
    if (!name.startsWith("m:")) continue;
    const file = await SafetensorsFile.open(path);
    moments.set(name.slice(2), await file.read(key));
    await file.close();
  }
  await state?.close();
  return moments;
}

async function* compareSteps(
  host: EngineHost,
  request: EngineRequest,
  { recording, folder }: Trained,
): AsyncGenerator<Comparison> {
  const { expected, constants } = recording;
  const { steps, recorded } = await recordedSteps(recording);
  await using engine = await host.openEngine(request);
  const [losses, norms]: [number[], number[]] = [[], []];
  for (let step = 0; step < steps; step += 1) {
    const spec: LossSpec = SFT_LOSS;
    const { loss, gradNorm } = await engine.step(trainingGroups(recording, "sft"), spec, constants.adamw.lr);
    losses.push(loss);
    norms.push(gradNorm);
  }
  yield compareNumbers("adamw losses", { got: losses, want: recorded }, LOSS);
  if (expected.has("adamw.grad_norm")) {
    const want = await expected.numbers("adamw.grad_norm");
    yield compareNumbers("adamw gradient norms", { got: norms, want }, NORM);
  }
  const saved = join(folder, "adamw");
  await engine.save(saved);
  const policy = await openPolicyDirectory(saved);
  try {
    const got = new Map<string, Float32Array>();
    for (const name of policy.names) got.set(name, await policy.read(name));
    yield* compareTensors(recording, "adamw.param.", {
      quantity: "adamw parameters",
      got,
      options: PARAMETER,
    });
  } finally {
    await policy.close();
  }
}
