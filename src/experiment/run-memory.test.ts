import { describe, expect, test } from "vitest";

import { ConfigError, EngineError } from "../errors.ts";
import { parseRunConfig } from "./run-config.ts";
import { requireRunMemory, type DataSize } from "./run-memory.ts";

const GIB = 2 ** 30;
const SMALLEST = "name: trial\nalgorithm: sft-grpo\ndata:\n  directory: scenes\n";
const attempt = (overrides: readonly string[], data?: DataSize) => (): void =>
  requireRunMemory(parseRunConfig(SMALLEST, "trial.yaml", overrides), data, GIB);

describe("requireRunMemory", () => {
  test("takes the settings that a run has without being told", () => {
    expect(attempt([])).not.toThrow();
  });

  test.each([
    ["policy.layers=1000", "policy.hiddenSize=65536"],
    ["policy.layers=1000", "policy.hiddenSize=4096"],
    ["policy.hiddenSize=131072", "policy.heads=1024"],
    ["policy.intermediateSize=1048576"],
  ])("refuses a policy of %j %j before anything of it is made", (...overrides) => {
    const before = performance.now();
    expect(attempt(overrides)).toThrow(EngineError);
    expect(attempt(overrides)).toThrow(
      /^The policy of these settings has [\d,]+ parameters, .* with gradients and moments; this machine has 1\.0 GiB/,
    );
    expect(performance.now() - before).toBeLessThan(1000);
  });

  test("leaves a policy of a checkpoint to whoever reads it", () => {
    expect(
      attempt(["policy.checkpoint=emu3", "policy.layers=1000", "policy.hiddenSize=65536"]),
    ).not.toThrow();
  });

  test("refuses a rollout of more completions than fit, whatever the data", () => {
    expect(attempt(["grpo.prompts=65536", "grpo.groupSize=4096"])).toThrow(ConfigError);
    expect(attempt(["grpo.prompts=65536", "grpo.groupSize=4096"])).toThrow(
      "grpo.prompts × grpo.groupSize: 268,435,456 completions take 256.0 GiB at least; this machine has 1.0 GiB of memory.",
    );
    expect(attempt(["grpo.prompts=65536", "grpo.groupSize=4096", "algorithm=sft"])).not.toThrow();
  });

  test("counts pictures where they are known, and no edit twice", () => {
    const counts = { train: 1_000_000, rlTrain: 100, validation: 1_000_000, test: 1_000_000 };
    const data = { pictureBytes: 3 * 256 * 256, counts };
    expect(attempt([], data)).not.toThrow();
    expect(attempt(["sft.batchSize=65536"], data)).toThrow(
      "sft.batchSize: 65,536 edits take 24.1 GiB at least",
    );
    expect(attempt(["sft.batchSize=65536"], { ...data, counts: { ...counts, train: 200 } })).not.toThrow();
    expect(attempt(["grpo.prompts=65536", "grpo.groupSize=2"], data)).toThrow("131,072 completions take 24.");
    expect(attempt(["grpo.validationSize=65536"], data)).toThrow("grpo.validationSize: 65,536 edits");
    expect(attempt(["sft.validationSize=65536"], data)).toThrow("sft.validationSize: 65,536 edits");
    expect(attempt(["evaluation.size=100000"], data)).toThrow("evaluation.size: 100,000 edits");
  });
});
