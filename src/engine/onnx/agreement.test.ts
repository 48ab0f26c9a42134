/** The graphs against what transformers and torch recorded (test/fixtures/emu3-lm), through the code of `earl verify`. */

import { join } from "node:path";

import { beforeAll, describe, expect, test } from "vitest";

import { readPolicyConfig } from "../../policy/config-file.ts";
import { parameterShapes } from "../../policy/parameters.ts";
import type { Comparison } from "../../verify/comparison.ts";
import { verifyRecording } from "../../verify/verify-recording.ts";

const FIXTURE = join(import.meta.dirname, "../../../test/fixtures/emu3-lm");
/** Real tokens of the four rows, and of their recorded completions. */
const REAL = [40, 37, 40, 35];
const ALL_TENSORS = 30;

let comparisons: readonly Comparison[];
let unread: readonly string[];
const of = (quantity: string): readonly Comparison[] =>
  comparisons.filter((comparison) => comparison.quantity === quantity);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

beforeAll(async () => {
  ({ comparisons, unread } = await verifyRecording(FIXTURE));
});

describe("the onnx graphs agree with transformers on", () => {
  test("logits at every real position", () => {
    const [logits] = of("logits");
    expect(logits?.count).toBe(sum(REAL) * 384);
    expect(logits?.largestRelative).toBeLessThan(1e-4);
  });

  test("log-probabilities of every token that a real one predicts, with and without a shared prompt", () => {
    const [all] = of("log-probabilities");
    expect(all?.count).toBe(sum(REAL) - REAL.length);
    expect(all?.largestRelative).toBeLessThan(1e-4);
    const [completions] = of("log-probabilities after a shared prompt");
    expect(completions?.count).toBe(4 * 26);
    expect(completions?.largestRelative).toBeLessThan(1e-4);
  });

  test.each(["sft", "grpo", "clipped"])("the loss and every gradient of %s", async (name) => {
    const [loss] = of(`${name} loss`);
    expect(loss?.largestAbsolute).toBeLessThan(1e-5);
    const { config } = await readPolicyConfig(FIXTURE);
    const gradients = of(`${name} gradients`);
    expect(gradients.map(({ part }) => part)).toEqual(parameterShapes(config).map((one) => one.name));
    for (const { part, largestRelative } of gradients) expect(largestRelative, part).toBeLessThan(1e-3);
  });

  test("the KL estimate", () => {
    expect(of("grpo KL (k3)")[0]?.largestAbsolute).toBeLessThan(1e-5);
  });

  test("three AdamW steps", () => {
    const [losses, norms] = [of("adamw losses")[0], of("adamw gradient norms")[0]];
    expect([losses?.count, norms?.count]).toEqual([3, 3]);
    expect(losses?.largestAbsolute).toBeLessThan(5e-6);
    expect(norms?.largestAbsolute).toBeLessThan(5e-4);
    expect(of("adamw parameters")).toHaveLength(ALL_TENSORS);
    for (const { part, largestAbsolute } of of("adamw parameters")) {
      expect(largestAbsolute, part).toBeLessThan(1e-5);
    }
  });

  test("the greedy continuation of each row", () => {
    expect(of("greedy continuation").map(({ count, unequal }) => [count, unequal])).toEqual(
      Array.from({ length: 4 }, () => [24, undefined]),
    );
  });

  test("all that is recorded", () => {
    expect(unread).toEqual([]);
    expect(comparisons.filter(({ isWithin }) => !isWithin)).toEqual([]);
  });
});
