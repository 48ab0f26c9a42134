/** The engine in workers: the contract on one and two ranks, and the onnx engine's numbers. */

import { afterAll, describe } from "vitest";

import { engineContract, type ContractSubject } from "../policy-engine.contract.ts";
import { Cluster } from "./cluster.ts";
import { openTorchEngine, type TorchEngineOptions } from "./torch-engine.ts";
import { pythonForTests, SMALL_LORA, smallOptions, TEST_SETTINGS } from "./small-torch.contract.ts";

const python = pythonForTests();

describe.skipIf(python === undefined).each([1, 2])("on %i ranks", (workers) => {
  let cluster: Promise<Cluster> | undefined;
  const started = (): Promise<Cluster> =>
    (cluster ??= Cluster.start({ ...TEST_SETTINGS, workers, python: python ?? "" }));
  afterAll(async () => (await cluster)?.[Symbol.asyncDispose]());

  const subjectOf = (changes: Partial<TorchEngineOptions>): ContractSubject => ({
    open: async (world, { hasReference }) =>
      openTorchEngine(await started(), {
        ...smallOptions(world),
        reference: hasReference ? "start" : undefined,
        ...changes,
      }),
    learningRate: 1e-3,
  });
  engineContract("the torch engine", subjectOf({}));
  engineContract(
    "the torch engine with LoRA, in small pieces,",
    subjectOf({ trained: SMALL_LORA, generationRows: 3, microbatchGroups: 1 }),
  );
});
