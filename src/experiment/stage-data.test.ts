import { describe, expect, test } from "vitest";

import { parseRunConfig } from "./run-config.ts";

const SMALLEST = "name: trial\nalgorithm: sft\ndata:\n  directory: scenes\n";

function faultsIn(text: string, overrides: readonly string[] = []): string {
  try {
    parseRunConfig(text, "trial.yaml", overrides);
  } catch (error) {
    if (error instanceof Error) return error.message;
    throw error;
  }
  throw new Error("The config was accepted.");
}

describe("data of a stage", () => {
  const faults = (data: string): string => faultsIn(`${SMALLEST}grpo:\n  data:\n${data}`);

  test("says of each dataset but the last how long it is trained on", () => {
    const two =
      "    - { directory: one, steps: 5 }\n    - { kind: mixture, sources: [{ directory: two }] }\n";
    const { grpo } = parseRunConfig(`${SMALLEST}grpo:\n  data:\n${two}`, "trial.yaml");
    expect(grpo.data?.map(({ kind, steps }) => [kind, steps])).toEqual([
      ["omniedit", 5],
      ["mixture", undefined],
    ]);
    expect(faults("    - directory: one\n    - directory: two\n")).toContain("another dataset follows");
    expect(faults("    - { directory: one, steps: 3 }\n")).toContain("where another dataset follows");
  });

  test("is not said twice, and a mixture has no directory to replace", () => {
    expect(
      faultsIn(`${SMALLEST}grpo: { data: [{ directory: two }] }\n`, ["data.rlDirectory=three"]),
    ).toContain("says what grpo.data says");
    const mixture =
      "name: t\nalgorithm: sft\ndata: { kind: mixture, rlDirectory: x, sources: [{ directory: a }] }\n";
    expect(faultsIn(mixture)).toContain("no directory that this could replace");
    const twice =
      "name: t\nalgorithm: sft\ndata: { kind: mixture, sources: [{ directory: a }, { directory: b }] }\n";
    expect(faultsIn(twice)).toContain("is the name of an earlier entry");
  });
});
