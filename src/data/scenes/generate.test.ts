import { describe, expect, test } from "vitest";

import { EDIT_KINDS } from "./edit.ts";
import { generateScenes, type SceneExample, type SceneRequest } from "./generate.ts";
import { sceneKey, SPLITS, splitOf } from "./scene.ts";

function examples(request: Partial<SceneRequest>): SceneExample[] {
  return [...generateScenes({ seed: 3, split: "train", count: 400, imperfect: 0, cells: 4, ...request })];
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const promptOf = ({ source, instruction }: SceneExample): string => `${sceneKey(source)} | ${instruction}`;

describe("generateScenes", () => {
  test("gives each kind of edit an equal share", () => {
    const shares = tally(examples({}).map((example) => example.kind));
    expect(shares).toEqual(Object.fromEntries(EDIT_KINDS.map((kind) => [kind, 50])));
  });

  test("gives the same examples for the same seed, others for another", () => {
    expect(examples({ imperfect: 0.5 })).toEqual(examples({ imperfect: 0.5 }));
    const here = new Set(examples({}).map(promptOf));
    expect(examples({ seed: 4 }).filter((example) => here.has(promptOf(example)))).toEqual([]);
  });

  test("a longer dataset begins with a shorter one", () => {
    expect(examples({ count: 40 })).toEqual(examples({}).slice(0, 40));
  });

  test("draws scenes of 2 to 5 objects in distinct cells", () => {
    for (const { source } of examples({})) {
      expect(source.objects.length).toBeGreaterThanOrEqual(2);
      expect(source.objects.length).toBeLessThanOrEqual(5);
      const cells = new Set(source.objects.map(({ row, column }) => `${row},${column}`));
      expect(cells.size).toBe(source.objects.length);
    }
  });

  test("splits by what a scene shows, whatever the seed", () => {
    const seen = new Map<string, string>();
    for (const split of SPLITS) {
      for (const seed of [1, 2, 3]) {
        for (const { source } of examples({ split, seed, count: 160, cells: 2 })) {
          expect(splitOf(source)).toBe(split);
          expect(seen.get(sceneKey(source)) ?? split).toBe(split);
          seen.set(sceneKey(source), split);
        }
      }
    }
  });

  test("sends about 80 % of all scenes to train and 10 % to each other split", () => {
    const shares = tally(SPLITS.flatMap((split) => examples({ split })).map(({ target }) => splitOf(target)));
    expect(shares["train"]).toBeGreaterThan(1200 * 0.75);
    expect(shares["validation"]).toBeGreaterThan(1200 * 0.07);
    expect(shares["test"]).toBeGreaterThan(1200 * 0.07);
  });

  test("has no prompt twice, even where few exist", () => {
    const kinds = ["background"] as const;
    const drawn = examples({ split: "test", cells: 2, count: 3000, kinds });
    expect(new Set(drawn.map(promptOf)).size).toBe(3000);
    expect(new Set(drawn.map((example) => example.id)).size).toBe(3000);
  });

  test("writes a thought with every object, its box and what changes", () => {
    const { source, thought } = examples({ count: 1 })[0] as SceneExample;
    for (const { size, colour, shape } of source.objects)
      expect(thought).toContain(`${size} ${colour} ${shape} [`);
    expect(thought.match(/\[\d+, \d+, \d+, \d+\]/g)?.length).toBeGreaterThanOrEqual(source.objects.length);
    expect(thought).toMatch(/^There is .* on (white|grey|black|beige)\. Change: .* becomes \w+\.$/);
  });
});

describe("imperfect targets", () => {
  const clean = new Map(examples({}).map((example) => [example.id, example]));
  const spoiled = examples({ imperfect: 0.3 });

  test("make up the share asked for, in three ways", () => {
    const kinds = tally(spoiled.map((example) => example.imperfection));
    expect(kinds["none"]).toBe(280);
    expect(Object.keys(kinds).toSorted()).toEqual(["extra-edit", "no-edit", "none", "other-edit"]);
    expect(kinds["no-edit"]).toBe(40);
    expect(kinds["other-edit"]).toBeGreaterThan(25);
  });

  test("are wrong where the row says so and right elsewhere; prompts stay as they are", () => {
    for (const { id, imperfection, source, target, instruction } of spoiled) {
      const right = clean.get(id) as SceneExample;
      expect([sceneKey(source), instruction]).toEqual([sceneKey(right.source), right.instruction]);
      const isRight = sceneKey(target) === sceneKey(right.target);
      const isUnedited = sceneKey(target) === sceneKey(source);
      expect([isRight, isUnedited]).toEqual([imperfection === "none", imperfection === "no-edit"]);
    }
  });
});
