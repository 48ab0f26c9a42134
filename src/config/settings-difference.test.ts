import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";

import { CheckpointError } from "../errors.ts";
import { choiceOf } from "./choice.ts";
import { differingSettings } from "./settings-difference.ts";

/** What the program knew when the run was saved. */
const Before = z.strictObject({
  name: z.string(),
  steps: z.int().default(10),
  loss: z.strictObject({ kind: z.enum(["grpo", "dapo"]).default("grpo") }).prefault({}),
  engine: z.strictObject({ threads: z.int().default(0) }).prefault({}),
});

const onnx = {
  about: "Here.",
  options: z.strictObject({ threads: z.int().default(0), rows: z.int().default(128) }),
};
const reference = { about: "Compares.", options: z.strictObject({ colours: z.boolean().default(false) }) };
const weight = z.number().default(1);

/** What it knows now: more settings, a choice where a group was, a list where nothing was. */
const Now = Before.extend({
  judged: z.strictObject({ by: z.string().optional() }).prefault({}),
  loss: z
    .strictObject({
      kind: z.enum(["grpo", "dapo"]).default("grpo"),
      klCoef: z.number().default(0.001),
      clip: z.number().optional(),
    })
    .prefault({}),
  engine: choiceOf({ onnx }, { standard: "onnx" }).prefault({}),
  rewards: z.array(choiceOf({ reference }, { common: { weight } })).prefault([{ kind: "reference" }]),
});

const saved = { file: "runs/old/config.yaml", text: stringify(Before.parse({ name: "old" })) };
const differences = (present: Record<string, unknown>, text = saved.text): unknown[] =>
  differingSettings(Now, { ...saved, text }, Now.parse({ name: "old", ...present }));

describe("differingSettings", () => {
  test("finds none where only the program is newer", () => {
    expect(saved.text).not.toContain("rewards");
    expect(differences({})).toEqual([]);
    expect(differences({}, stringify({ ...Before.parse({ name: "old" }), judged: {} }))).toEqual([]);
  });

  test("names both values of what was changed, by dotted key", () => {
    expect(differences({ steps: 20, loss: { kind: "dapo" } })).toEqual([
      { key: "steps", saved: 10, present: 20 },
      { key: "loss.kind", saved: "grpo", present: "dapo" },
    ]);
  });

  test("sees a new setting that is not at its default, in groups, choices and lists", () => {
    expect(
      differences({
        loss: { klCoef: 1, clip: 0.2 },
        engine: { rows: 4 },
        rewards: [
          { kind: "reference", weight: 2 },
          { kind: "reference", colours: true },
        ],
      }),
    ).toEqual([
      { key: "loss.klCoef", saved: 0.001, present: 1 },
      { key: "loss.clip", saved: undefined, present: 0.2 },
      { key: "engine.rows", saved: 128, present: 4 },
      { key: "rewards.0.weight", saved: 1, present: 2 },
      { key: "rewards.1.kind", saved: undefined, present: "reference" },
      { key: "rewards.1.colours", saved: undefined, present: true },
      { key: "rewards.1.weight", saved: undefined, present: 1 },
    ]);
  });

  test("compares what the program no longer has, or no longer takes, as it stands", () => {
    const text = "name: old\nsteps: many\nwarmth: 3\nengine: { kind: abacus, rods: 7 }\n";
    expect(differences({}, text)).toEqual([
      { key: "steps", saved: "many", present: 10 },
      { key: "engine.kind", saved: "abacus", present: "onnx" },
      { key: "engine.threads", saved: undefined, present: 0 },
      { key: "engine.rows", saved: undefined, present: 128 },
      { key: "warmth", saved: 3, present: undefined },
      { key: "engine.rods", saved: 7, present: undefined },
    ]);
  });

  test.each([
    ["name: [old", /runs\/old\/config\.yaml is damaged: 1:\d+: /],
    ["", /is damaged: it holds no settings/],
    ["\0\0\0\0", /is damaged: /],
    ["a: &a [*a, *a]\nb: *a\n", /is damaged: /],
  ])("says that a saved config of %j is damaged", (text, message) => {
    const attempt = (): unknown => differences({}, text);
    expect(attempt).toThrow(CheckpointError);
    expect(attempt).toThrow(message);
  });
});
