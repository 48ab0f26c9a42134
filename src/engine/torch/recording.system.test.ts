/** The torch engine on two ranks against what transformers and torch recorded. */

import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { copyOfRecording, perturb } from "../../../test/perturbed-recording.ts";
import { verifyRecording } from "../../verify/verify-recording.ts";
import type { EngineHost } from "../engine-host.ts";
import { pythonForTests, TEST_SETTINGS } from "./small-torch.contract.ts";
import { openTorchHost } from "./torch-host.ts";

const FIXTURES = join(import.meta.dirname, "../../../test/fixtures");
const python = pythonForTests() ?? "";

describe.skipIf(python === "")("the torch engine on two ranks", () => {
  let host: EngineHost;
  beforeAll(async () => {
    host = await openTorchHost({ ...TEST_SETTINGS, python, workers: 2 }, { logFile: TEST_SETTINGS.logFile });
  });
  afterAll(() => host?.[Symbol.asyncDispose]());

  // Gradients and their norms, too: parameters after AdamW alone do not notice a mean over ranks instead of a sum.
  test.each([
    { recording: "emu3-lm", comparisons: 138 },
    { recording: "movq", comparisons: 3 },
  ])("computes what was recorded: $recording", async ({ recording, comparisons: count }) => {
    const { comparisons, unread } = await verifyRecording(join(FIXTURES, recording), { host });
    expect(comparisons.filter(({ isWithin }) => !isWithin)).toEqual([]);
    expect(comparisons).toHaveLength(count);
    expect(unread).toEqual([]);
  });

  test("finds a gradient, a norm, a logit and a parameter that are not", async () => {
    const folder = copyOfRecording("emu3-lm");
    perturb(folder, "grpo.grad.model.layers.1.mlp.up_proj.weight", 70, 0.001);
    perturb(folder, "adamw.grad_norm", 1, 1e-4);
    perturb(folder, "adamw.param.model.norm.weight", 3, 1e-4);
    // Of the first token that something follows.
    perturb(folder, "logits", 7, 3);
    const { comparisons } = await verifyRecording(folder, { host });
    const wrong = comparisons.filter(({ isWithin }) => !isWithin).map(({ quantity }) => quantity);
    expect(wrong).toEqual([
      "logits, as log-probabilities at 0.5",
      "logits, as log-probabilities at 2",
      "grpo gradients",
      "adamw gradient norms",
      "adamw parameters",
    ]);
  });
});
