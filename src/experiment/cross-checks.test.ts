import { expect, test } from "vitest";

import { parseRunConfig } from "./run-config.ts";

test("GRPO stops on a benchmark that there is", () => {
  const text = [
    "name: trial",
    "algorithm: sft-grpo",
    "data: { directory: scenes }",
    "grpo: { stopOn: { benchmark: mine } }",
  ].join("\n");
  expect(() => parseRunConfig(text, "trial.yaml")).toThrow('there is no benchmark "mine" among held-out');
  const named = `${text}\nevaluation: { benchmarks: [{ kind: held-out, name: mine }] }\n`;
  expect(parseRunConfig(named, "trial.yaml").grpo.stopOn).toEqual({ benchmark: "mine", size: 64 });
});
