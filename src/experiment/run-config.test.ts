import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { ConfigError } from "../errors.ts";
import { settingsTables } from "../config/settings.ts";
import { loadRunConfig, parseRunConfig, RUN_CONFIG } from "./run-config.ts";

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

  test("knows a value that is mistyped, and a kind that stands where its section should", () => {
    expect(faultsIn(SMALLEST, ["algorithm=GRPO"])).toContain('not the text "GRPO"; did you mean grpo?');
    expect(faultsIn(SMALLEST, ["engine=onnx"])).toContain('the text "onnx" (write { kind: onnx })');
  });

  test("gives a room's own sentence about its settings, and one sentence a setting", () => {
    const twice = "rewards=[{ kind: reference }, { kind: reference }]";
    expect(faultsIn(SMALLEST, [twice])).toMatch(
      /^The config has a fault:\n {2}--set rewards\.1\.name: "reference" is the name of an earlier [^\n]*$/,
    );
    expect(faultsIn(SMALLEST, ["name="])).toBe("The config has a fault:\n  --set name: is empty");
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
    ["optimizer.kind=sgd", "adamw"],
    ["policy.hiddenSize=98", "a width of 98 cannot be split into 4 heads"],
    ["policy.hiddenSize=36", "each head would be 9 wide"],
    ["policy.hiddenSize=131072", "each head would be 32768 wide, more than 16384"],
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
    expect(parseRunConfig(SMALLEST, "trial.yaml", ["data.directory=a=b"]).data).toMatchObject({
      directory: "a=b",
    });
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

describe("numbers", () => {
  /** Every setting of the run that is a number, in the first entry of a list, with what chooses its kind. */
  const numbers = settingsTables(RUN_CONFIG).flatMap(({ within, settings }) =>
    settings
      .filter(({ type }) => type === "integer" || type === "number")
      .map(({ key, range }) => ({
        key: key.replaceAll("<n>", "0"),
        range,
        chosen: within.map((choice) => choice.replaceAll("<n>", "0")),
      })),
  );

  test.each(numbers.filter(({ key }) => key !== "seed"))(
    "$key has a largest value",
    ({ key, range, chosen }) => {
      expect(range).toMatch(/[…≤<]/);
      expect(faultsIn(SMALLEST, [...chosen, `${key}=1e39`])).toContain(`--set ${key}: must be at most `);
    },
  );

  test.each(numbers)("$key is a finite number, written as one", ({ key, chosen }) => {
    for (const text of [
      ".nan",
      ".inf",
      "-.inf",
      "1e400",
      "-1e400",
      "true",
      "yes",
      '"1"',
      "[1]",
      "1,5",
      "0x",
    ]) {
      expect(faultsIn(SMALLEST, [...chosen, `${key}=${text}`])).toContain(`--set ${key}: must be a`);
    }
  });

  test.each([
    "policy.hiddenSize=1e9",
    "policy.layers=1e9",
    "policy.heads=1e9",
    "policy.intermediateSize=1e9",
    "tokenizer.patchSize=1e9",
    "tokenizer.textMerges=1e9",
    "sft.batchSize=1e9",
    "sft.validationSize=1e9",
    "grpo.prompts=1e9",
    "grpo.groupSize=1e9",
    "grpo.maxTokens=1e9",
    "grpo.updatesPerRollout=1e9",
    "grpo.resampleZeroVariance=1e9",
    "engine.threads=1e9",
    "engine.generationRows=1e9",
    "engine.microbatchTokens=1e9",
    "evaluation.size=1e9",
    "evaluation.comparisons=1e9",
  ])("refuses %s, too large to mean anything", (override) => {
    expect(faultsIn(SMALLEST, [override])).toContain("must be at most ");
  });

  test.each([
    ["optimizer.beta1=1", "at most 0.999999"],
    ["optimizer.beta2=1", "at most 0.999999"],
    ["optimizer.beta2=0.99999999", "at most 0.999999"],
    ["optimizer.epsilon=1e-300", "at least 1e-15"],
    ["optimizer.epsilon=0", "at least 1e-15"],
    ["optimizer.maxGradNorm=1e-300", "at least 1e-9"],
    ["grpo.temperature=1e-300", "at least 0.001"],
    ["sft.learningRate=1e-300", "at least 1e-30"],
    ["sft.learningRate=1e39", "at most 1e+38"],
    ["grpo.learningRate=1e39", "at most 1e+38"],
    ["policy.normEpsilon=1e-300", "at least 1e-20"],
    ["policy.ropeTheta=1e-9", "at least 1"],
  ])("refuses %s, which float32 cannot compute with", (override, bound) => {
    expect(faultsIn(SMALLEST, [override])).toContain(`must be ${bound}`);
  });

  test.each(["9007199254740993", "1e16", "-1", "1.5"])("refuses the seed %s", (seed) => {
    expect(faultsIn(SMALLEST, [`seed=${seed}`])).toContain("--set seed: must be ");
  });
});

describe("name", () => {
  test.each([
    ".",
    "..",
    "...",
    "a/b",
    "a\\b",
    "/etc",
    "../x",
    "-rf",
    ".hidden",
    "a.",
    "C:",
    "a b",
    "a\nb",
    "a\u001b[2J",
    "é",
    "con",
    "NUL",
    "aux.txt",
    "com1",
    "x".repeat(101),
  ])("refuses %j, in the file and by flag", (name) => {
    expect(faultsIn(SMALLEST, [`name=${name}`])).toMatch(
      /^The config has a fault:\n {2}--set name: must \P{Cc}*$/u,
    );
    const text = SMALLEST.replace("trial", JSON.stringify(name));
    expect(faultsIn(text)).toContain("trial.yaml:1 name: must ");
  });

  test("refuses an empty one", () => {
    expect(faultsIn(SMALLEST, ["name="])).toContain("--set name: is empty");
  });

  test.each(["a", "_1", "emu3-lora_v2.1", "console", "x".repeat(100)])("takes %s", (name) => {
    expect(parseRunConfig(SMALLEST, "trial.yaml", [`name=${name}`]).name).toBe(name);
  });
});

describe("paths", () => {
  test.each([
    "data.directory",
    "data.rlDirectory",
    "policy.checkpoint",
    "policy.tokenizer",
    "policy.visionTokenizer",
  ])("%s is not empty, blank or control characters", (key) => {
    expect(faultsIn(SMALLEST, [`${key}=`])).toContain(`--set ${key}: is empty`);
    expect(faultsIn(SMALLEST, [`${key}=  `])).toContain(`--set ${key}: must be a path`);
    expect(faultsIn(SMALLEST, [`${key}=a\0b`])).toContain(`--set ${key}: must be a path`);
  });
});

describe("hostile keys", () => {
  test.each([
    "__proto__.x=1",
    "__proto__=1",
    "grpo.__proto__.x=1",
    "constructor.x=1",
    "constructor.prototype.x=1",
    "grpo.loss.prototype=1",
    "data.toString.x=1",
    "hasOwnProperty=1",
  ])("refuses %s, and nothing is polluted", (override) => {
    const key = override.replace(/=.*$/, "");
    expect(faultsIn(SMALLEST, [override])).toMatch(
      /^The config has a fault:\n {2}--set [\w.]+: is not a setting/,
    );
    expect(faultsIn(SMALLEST, [override])).toContain(
      `--set ${key.split(".").slice(0, 2).join(".")}`.slice(0, 12),
    );
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  test.each(["=1", "", ".=1", ".seed=1", "seed.=1", "grpo..steps=1", "seed", `${"a.".repeat(100)}b=1`])(
    "refuses %j as no key",
    (override) => {
      expect(faultsIn(SMALLEST, [override])).toContain("is not of the form key=value");
    },
  );

  test("are refused in the file too", () => {
    expect(faultsIn(`${SMALLEST}__proto__: { x: 1 }\n`)).toContain('"__proto__" is not a setting');
    expect(faultsIn(`${SMALLEST}toString: 1\n`)).toContain("trial.yaml:5 toString: is not a setting");
  });

  test("are escaped where they are quoted", () => {
    const message = faultsIn(SMALLEST, [
      "a\u001b[2J\nb=1",
      "algorithm=\u009b31m\u202e",
      "seed=\u001b]0;x\u0007",
    ]);
    expect(message.split("\n")).toHaveLength(4);
    expect(message.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202e]/u);
  });

  test("values that are no YAML, or too much of it, are faults of the flag", () => {
    expect(faultsIn(SMALLEST, ["grpo={"])).toContain('--set grpo: "{" is not a YAML value');
    expect(faultsIn(SMALLEST, [`grpo=${"[".repeat(5000)}`])).toContain("--set grpo: ");
    expect(faultsIn(SMALLEST, ["grpo=!!js/function x"])).toContain("--set grpo: ");
  });
});

describe("combinations", () => {
  test("are looked for beside faults of other sections", () => {
    const message = faultsIn(SMALLEST, ["engine.kind=abacus", "policy.keyValueHeads=3"]);
    expect(message).toContain('--set engine.kind: is "abacus"; it must be one of: onnx');
    expect(message).toContain("shared evenly");
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
    expect(() => loadRunConfig("/dev/zero")).toThrow("Cannot read the config /dev/zero: it is larger than");
    expect(() => loadRunConfig("no/su\u001bch.yaml")).toThrow("no/su\\u{1b}ch.yaml");
  });
});
