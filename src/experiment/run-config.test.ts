import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { ConfigError } from "../errors.ts";
import { loadRunConfig, parseRunConfig } from "./run-config.ts";

const SMALLEST = "name: trial\nalgorithm: sft\ndata:\n  directory: scenes\n";

function faultsIn(text: string, overrides: readonly string[] = []): string {
  try {
    parseRunConfig(text, "trial.yaml", overrides);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("The config was accepted.");
}

describe("parseRunConfig", () => {
  test("fills in every default", () => {
    const config = parseRunConfig(SMALLEST, "trial.yaml");
    expect(config.policy.hiddenSize).toBe(96);
    expect(config.grpo.loss.kind).toBe("grpo");
  });

  test("reports a syntax fault with its line and column", () => {
    expect(faultsIn("name: trial\nalgorithm: [sft\n")).toMatch(/trial\.yaml:\d+:\d+: /);
    expect(faultsIn("name: a\nname: b\n")).toMatch(/trial\.yaml:2:1: .*unique/);
  });

  test("reports all faults at once, each with its line", () => {
    const message = faultsIn(
      "name: 7\nalgorithm: ppo\ndata:\n  directory: scenes\ngrpo:\n  groupsize: 4\n  loss:\n    klCoef: high\n  steps: -1\n",
    );
    expect(message).toContain("trial.yaml:1 name: must be text, not 7 (write it in quotes)");
    expect(message).toContain("trial.yaml:2 algorithm: must be one of sft, grpo, sft-grpo");
    expect(message).toContain("trial.yaml:6 grpo.groupsize: is not a setting; did you mean grpo.groupSize?");
    expect(message).toContain('trial.yaml:8 grpo.loss.klCoef: must be a number, not the text "high"');
    expect(message).toContain("trial.yaml:9 grpo.steps: must be at least 0, not -1");
    expect(message).toContain("5 faults");
  });

  test("says where a setting belongs that stands in the wrong group", () => {
    expect(faultsIn(`${SMALLEST}klCoef: 0.1\n`)).toContain("did you mean grpo.loss.klCoef?");
  });

  test("names a missing setting and what it is for", () => {
    expect(faultsIn("name: trial\nalgorithm: sft\ndata: {}\n")).toContain(
      "data.directory: is missing (Folder",
    );
    expect(faultsIn("")).toContain("algorithm: is missing");
  });

  test("refuses a file that holds no settings", () => {
    expect(faultsIn("- a\n- b\n")).toContain("holds a list, not settings");
  });

  test("reports settings that do not fit together beside other faults", () => {
    const message = faultsIn(`${SMALLEST}seed: x\npolicy:\n  heads: 4\n  keyValueHeads: 3\n`);
    expect(message).toContain("seed: must be a number");
    expect(message).toContain("trial.yaml:8 policy.keyValueHeads: 3 key-value heads cannot be shared evenly");
  });

  test.each([
    ["policy.hiddenSize=98", "a width of 98 cannot be split into 4 heads"],
    ["policy.hiddenSize=36", "each head would be 9 wide"],
    ["tokenizer.codebookSize=40000", "at most 32768"],
    ["algorithm=grpo", "GRPO needs a policy"],
  ])("refuses %s", (override, message) => {
    expect(faultsIn(SMALLEST, [override])).toContain(message);
  });

  test("says nothing about a combination when one of its settings is at fault", () => {
    expect(faultsIn(SMALLEST, ["policy.heads=many", "policy.keyValueHeads=3"])).not.toContain(
      "shared evenly",
    );
  });
});

describe("--set", () => {
  test("lays values over the file, as YAML reads them", () => {
    const overrides = ["grpo.loss.klCoef=1e-2", "data.thoughts=true", "seed=3"];
    const config = parseRunConfig(SMALLEST, "trial.yaml", overrides);
    expect([config.grpo.loss.klCoef, config.data.thoughts, config.seed]).toEqual([0.01, true, 3]);
  });

  test("takes text as it is where text is asked for", () => {
    expect(parseRunConfig(SMALLEST, "trial.yaml", ["name=007"]).name).toBe("007");
    expect(parseRunConfig(SMALLEST, "trial.yaml", ["data.directory=a=b"]).data.directory).toBe("a=b");
  });

  test("shows its faults as its own", () => {
    expect(faultsIn(SMALLEST, ["grpo.prompt=4"])).toContain(
      "--set grpo.prompt: is not a setting; did you mean grpo.prompts?",
    );
    expect(faultsIn(SMALLEST, ["seed=-1"])).toContain("--set seed: must be at least 0");
    expect(faultsIn(SMALLEST, ["seed"])).toContain("--set seed is not of the form key=value");
    expect(faultsIn(SMALLEST, ["seed.x=1", "seed.y=2"])).toContain("--set seed");
    expect(faultsIn(SMALLEST, ["name.first=x"])).toContain("name is a value, not a group of settings");
  });
});

describe("loadRunConfig", () => {
  test("reads a file", () => {
    const path = join(mkdtempSync(join(tmpdir(), "earl-config-")), "trial.yaml");
    writeFileSync(path, SMALLEST);
    expect(loadRunConfig(path, ["seed=5"]).seed).toBe(5);
  });

  test("refuses a file that is not there", () => {
    expect(() => loadRunConfig("no/such.yaml")).toThrow("Cannot read the config no/such.yaml");
  });
});
