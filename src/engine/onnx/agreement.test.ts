/** The graphs against what transformers and torch recorded (test/fixtures/emu3-lm). */

import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

import { beforeAll, describe, expect, test } from "vitest";

import type { LossSpec } from "../../algorithms/losses.ts";
import { readPolicyConfig } from "../../policy/config-file.ts";
import type { PolicyConfig } from "../../policy/config.ts";
import { parameterShapes } from "../../policy/parameters.ts";
import { SafetensorsFile } from "../../policy/safetensors.ts";
import { plainGrammar } from "../../tokens/plain-grammar.ts";
import type { Prompt } from "../../tokens/prompt.ts";
import type { PackedGroup } from "./packed-batch.ts";
import { packBatch } from "./packed-batch.ts";
import { PolicyWorkspace } from "./policy-workspace.ts";
import { flatten, parameterLayout, parameterViews } from "./flat-parameters.ts";
import { ACCUMULATED, accumulateGraph } from "./training-graphs.ts";

const FIXTURE = join(import.meta.dirname, "../../../test/fixtures/emu3-lm");
const TOKENS = 40;
const PROMPT_TOKENS = 14;
const PADDING = [0, 3, 0, 5];

let config: PolicyConfig;
let parameters: Map<string, Float32Array>;
let expected: SafetensorsFile;
const grammar = plainGrammar(384, { length: 26 });

async function recorded(name: string): Promise<Float32Array> {
  return expected.read(name);
}

beforeAll(async () => {
  ({ config } = await readPolicyConfig(FIXTURE));
  const weights = await SafetensorsFile.open(join(FIXTURE, "model.safetensors"));
  parameters = new Map();
  for (const { name } of parameterShapes(config)) parameters.set(name, await weights.read(name));
  const unzipped = join(await mkdtemp(join(tmpdir(), "earl-")), "expected.safetensors");
  await writeFile(unzipped, gunzipSync(await readFile(join(FIXTURE, "expected.safetensors.gz"))));
  expected = await SafetensorsFile.open(unzipped);
});

/** The recorded rows as groups of one completion, padding taken off, weights for a mean over completion tokens. */
async function groups(): Promise<PackedGroup[]> {
  const ids = await integers("input_ids");
  const mask = await recorded("completion_mask");
  const [advantages, reference, old] = [
    await recorded("advantages"),
    await recorded("ref_logprobs"),
    await recorded("ref_logprobs"),
  ];
  const total = mask.reduce((sum, value) => sum + value, 0);
  return PADDING.map((padding, row) => {
    const length = mask.subarray(row * TOKENS, (row + 1) * TOKENS).reduce((sum, value) => sum + value, 0);
    const at = (start: number, end: number): Int32Array =>
      Int32Array.from(ids.slice(row * TOKENS + start, row * TOKENS + end));
    // A log-probability at index i is that of token i + 1.
    const shifted = (values: Float32Array): Float32Array =>
      values.slice(row * (TOKENS - 1) + PROMPT_TOKENS - 1, row * (TOKENS - 1) + PROMPT_TOKENS - 1 + length);
    return {
      prompt: promptOf(at(padding, PROMPT_TOKENS)),
      completions: [
        {
          ids: at(PROMPT_TOKENS, PROMPT_TOKENS + length),
          advantage: advantages[row] as number,
          weights: new Float32Array(length).fill(1 / total),
          refLogprobs: shifted(reference),
          oldLogprobs: shifted(old),
        },
      ],
    };
  });
}

function promptOf(ids: Int32Array): Prompt {
  return { ids, grid: { rows: 1, columns: 1 }, writes: "image" };
}

async function integers(name: string): Promise<number[]> {
  const raw = await expected.readRaw(name);
  return Array.from(raw.values as BigInt64Array, Number);
}

function workspace(maxGradNorm = 1): PolicyWorkspace {
  const optimizer = { beta1: 0.9, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.1, maxGradNorm };
  const space = new PolicyWorkspace({
    config,
    segments: grammar.segments,
    optimizer,
    recompute: false,
    threads: 2,
  });
  space.setState(new Map(parameters));
  return space;
}

const SFT: LossSpec = { surrogate: { kind: "on-policy" }, temperature: 1 };
const GRPO: LossSpec = {
  surrogate: { kind: "on-policy" },
  kl: { estimator: "k3", coef: 0.02 },
  temperature: 1,
};
const CLIPPED: LossSpec = { surrogate: { kind: "clipped", clipLow: 0.02, clipHigh: 0.03 }, temperature: 1 };

/** Largest difference relative to the recorded tensor's largest value. */
function difference(got: Float32Array, want: Float32Array): number {
  const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
  return (
    want.reduce((most, value, index) => Math.max(most, Math.abs(value - (got[index] as number))), 0) / largest
  );
}

describe("the onnx graphs agree with transformers on", () => {
  test("log-probabilities", async () => {
    const space = workspace();
    const batch = packBatch(await groups(), grammar);
    const got = await space.logprobs(batch, "policy", 1);
    const want = await recorded("logprobs");
    for (const [index, place] of batch.places.entries()) {
      if (place === undefined) continue;
      const recordedOne = want[place.group * (TOKENS - 1) + PROMPT_TOKENS - 1 + place.token] as number;
      expect(Math.abs((got[index] as number) - recordedOne)).toBeLessThan(1e-4 * Math.abs(recordedOne));
    }
    await space.close();
  });

  test.each([
    ["sft", SFT],
    ["grpo", GRPO],
    ["clipped", CLIPPED],
  ] as const)("the loss and every gradient of %s", async (name, spec) => {
    const space = workspace();
    const rows = await groups();
    const batch = packBatch(name === "sft" ? rows.map(asSupervised) : rows, grammar);
    const layout = parameterLayout(config);
    const session = await space.session([name], () => accumulateGraph(space.options, batch.shape, spec));
    const results = await space.run(session, {
      ...batch.feeds,
      [ACCUMULATED]: new Float32Array(layout.size),
      parameters: flatten(layout, parameters),
      inverseTemperature: Float32Array.of(1),
    });
    expect(Math.abs(Number(results["loss"]?.[0]) - Number((await recorded(`${name}.loss`))[0]))).toBeLessThan(
      1e-5,
    );
    const slopes = parameterViews(layout, results[`next:${ACCUMULATED}`] as Float32Array);
    for (const [key, got] of slopes) {
      expect(difference(got, await recorded(`${name}.grad.${key}`)), key).toBeLessThan(1e-3);
    }
    await space.close();
  });

  test("three AdamW steps", async () => {
    const space = workspace();
    const batch = packBatch((await groups()).map(asSupervised), grammar);
    const [losses, norms] = [await recorded("adamw.loss"), await recorded("adamw.grad_norm")];
    for (let step = 0; step < 3; step += 1) {
      const { loss, gradNorm } = await space.step([batch], SFT, 1e-3);
      expect(loss).toBeCloseTo(losses[step] as number, 5);
      expect(gradNorm).toBeCloseTo(norms[step] as number, 3);
    }
    for (const [key, got] of await space.parameters()) {
      const want = await recorded(`adamw.param.${key}`);
      expect(
        Math.max(...want.map((value, index) => Math.abs(value - (got[index] as number)))),
        key,
      ).toBeLessThan(1e-5);
    }
    await space.close();
  });
});

function asSupervised(group: PackedGroup): PackedGroup {
  return { ...group, completions: group.completions.map((completion) => ({ ...completion, advantage: 1 })) };
}
