/** Small policies for tests of the torch engine, and the Python that they run in. */

import { tmpdir } from "node:os";
import { join } from "node:path";

import { isContinuousIntegration } from "../../config/env.ts";
import { freshPolicyConfig } from "../../policy/config.ts";
import type { LoraSettings } from "../../policy/lora.ts";
import { initialParameters, PROJECTIONS } from "../../policy/parameters.ts";
import type { EngineWorld } from "../engine-worlds.contract.ts";
import type { ClusterOptions } from "./cluster.ts";
import { installedPython } from "./python-environment.ts";
import type { TorchEngineOptions } from "./torch-engine.ts";
import { TorchSettings } from "./torch-settings.ts";

/** Undefined, with a line that says so, where no environment is installed. Throws in CI, which makes one. */
export function pythonForTests(): string | undefined {
  const python = installedPython();
  if (python !== undefined) return python;
  const line =
    "No Python environment: run `npm run earl -- engine install --cpu` for the torch engine's tests.";
  if (isContinuousIntegration()) throw new Error(line);
  process.stderr.write(`${line}\n`);
  return undefined;
}

export const TEST_SETTINGS: ClusterOptions = {
  ...TorchSettings.parse({ device: "cpu", precision: "float32", threads: 1, timeoutSeconds: 60 }),
  logFile: join(tmpdir(), "earl-torch-tests", `engine-${process.pid}.log`),
};

/** Beside every projection, so that each kind of linear map is adapted. */
export const SMALL_LORA: LoraSettings = {
  rank: 4,
  alpha: 6,
  targets: PROJECTIONS,
  isRankStabilised: false,
};

export function smallOptions({
  grammar,
  vocabularySize,
}: Pick<EngineWorld, "grammar" | "vocabularySize">): TorchEngineOptions {
  const config = freshPolicyConfig(
    {
      hiddenSize: 16,
      layers: 2,
      heads: 4,
      keyValueHeads: 2,
      intermediateSize: 24,
      ropeTheta: 500,
      normEpsilon: 1e-5,
      weightStd: 0.2,
    },
    { size: vocabularySize, pad: 0, bos: 1, eos: 2 },
    64,
  );
  return {
    name: "small",
    config,
    grammar,
    trained: "all",
    weights: {
      kind: "arrays",
      arrays: initialParameters(config, { embeddingStd: 1, weightStd: 0.3, seed: 5 }),
    },
    optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.95, epsilon: 1e-6, weightDecay: 0, maxGradNorm: 1 },
    precision: "float32",
    recompute: false,
    offload: "none",
    microbatchGroups: 2,
    generationRows: 64,
  };
}
