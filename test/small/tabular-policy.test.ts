import { engineContract } from "../../src/engine/policy-engine.contract.ts";
import { plainGrammar } from "../../src/tokens/plain-grammar.ts";
import { TabularPolicy } from "./tabular-policy.ts";

engineContract("the tabular policy", {
  open: () =>
    Promise.resolve(new TabularPolicy(plainGrammar(40, { length: 7 }), { std: 1, keepsReference: true })),
  vocabularySize: 40,
  length: 7,
});
