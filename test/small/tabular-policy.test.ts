import { engineContract } from "../../src/engine/policy-engine.contract.ts";
import { TabularPolicy } from "./tabular-policy.ts";

engineContract("the tabular policy", {
  open: async ({ grammar }, { hasReference }) =>
    new TabularPolicy(grammar, { std: 1, keepsReference: hasReference }),
  learningRate: 10,
});
