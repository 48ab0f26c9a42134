import { readdirSync, readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { BENCHMARK_DECLARATION } from "../src/benchmark/benchmark-settings.ts";
import { parseConfig } from "../src/config/load-config.ts";
import { loadRunConfig, parseRunConfig, type RunConfig } from "../src/experiment/run-config.ts";
import { openRewards } from "../src/rewards/open-reward.ts";
import { greyEdit } from "./judge-server/grey-edit.ts";

const root = new URL("../", import.meta.url);
const filesIn = (folder: string, ending: string): string[] =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}${name}`);

/** What docs/how-to adds is known only once its pages are followed: how-to.system.test.ts. */
const pages = ["README.md", ...filesIn("docs/", ".md"), ...filesIn("recipes/", ".md")]
  .filter((path) => !path.startsWith("docs/how-to/"))
  .map((path) => ({ path, text: readFileSync(new URL(path, root), "utf8") }));

const recipe = (path: string): RunConfig => loadRunConfig(new URL(path, root).pathname);

/** What every config must have; a page may show only the settings that it is about. */
const REST = "name: shown\nalgorithm: sft\ndata:\n  directory: scenes\n";

describe("every recipe is a sound config", () => {
  const recipes = [...filesIn("recipes/", ".yaml"), ...filesIn("recipes/", ".yml")];

  test("and there is one", () => expect(recipes).toContain("recipes/demo/config.yaml"));

  test.each(recipes)("%s", (path) => {
    expect(recipe(path).name).not.toBe("");
  });
});

test("SFT that goes on begins where the demo's ends, on the same demonstrations, and is scored on as many edits", () => {
  const demo = recipe("recipes/demo/config.yaml");
  const goesOn = recipe("recipes/demo/continued.yaml");
  const last = String(demo.sft.steps).padStart(6, "0");
  expect(goesOn.policy).toMatchObject({ checkpoint: `runs/demo/checkpoints/sft-${last}` });
  const { rlDirectory: _judged, ...demonstrations } = demo.data as { readonly rlDirectory?: string };
  expect(goesOn.data).toMatchObject(demonstrations);
  expect(goesOn.optimizer).toEqual(demo.optimizer);
  expect(goesOn.rewards).toEqual(demo.rewards);
  expect(goesOn.evaluation.size).toBe(demo.evaluation.size);
});

test("the recipe's own reward scores what is warmer above what is not, beside the reference", async () => {
  const { rewards } = recipe("recipes/own-reward/config.yaml");
  await using reward = await openRewards(rewards);
  const same = greyEdit(50);
  const warmer = greyEdit(50);
  warmer.edited.pixels.forEach((_, index) => {
    if (index % 3 === 0) warmer.edited.pixels[index] = 255;
  });
  const verdicts = await reward.score([same, warmer], { signal: new AbortController().signal });
  const [before, after] = verdicts.map((verdict) =>
    verdict.kind === "scored" ? verdict.subscores["warmth"] : undefined,
  );
  expect(before).toBe(0.5);
  expect(after).toBeCloseTo(0.5 + 205 / 1020, 12);
});

/** Its settings are those of `earl benchmark`. */
const BENCHMARKS_PAGE = "docs/benchmarks.md";
const parseBenchmarks = (text: string, path: string, settings: readonly string[] = []) =>
  parseConfig(BENCHMARK_DECLARATION, text, path, settings);

describe("every config that a page shows is sound", () => {
  const shown = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/^```ya?ml\n(.*?)^```/gms)].map((match) => ({
      path,
      line: text.slice(0, match.index).split("\n").length + 1,
      yaml: match[1] ?? "",
    })),
  );

  test("and the page about Emu3 shows one", () => {
    expect(shown.map(({ path }) => path)).toContain("docs/emu3.md");
  });

  test.each(shown)("$path:$line", ({ path, yaml }) => {
    const isWhole = /^algorithm:/m.test(yaml);
    const sections: readonly string[] = yaml.match(/^\w+(?=:)/gm) ?? [];
    // A part of a config is completed with what it leaves out.
    const rest = REST.split(/\n(?=\w)/).filter((line) => !sections.includes(line.split(":", 1)[0] ?? ""));
    const whole = isWhole ? yaml : `${rest.join("\n")}\n${yaml}`;
    const parse =
      path === BENCHMARKS_PAGE ? () => parseBenchmarks(yaml, path) : () => parseRunConfig(whole, path);
    expect(parse).not.toThrow();
  });
});

describe("every --set that a page shows is sound", () => {
  // Those of one line belong to one command: a kind, and the settings that it has.
  const shown = pages.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line) => {
      const settings = [...line.matchAll(/--set ([\w.]+=[^\s`"')]+)/g)].map((match) => match[1] ?? "");
      return settings.length === 0 ? [] : [{ path, settings }];
    }),
  );

  test("and the README shows some", () => expect(shown.map(({ path }) => path)).toContain("README.md"));

  test.each(shown)("$path: $settings", ({ path, settings }) => {
    const parse = path === BENCHMARKS_PAGE ? parseBenchmarks : parseRunConfig;
    expect(() => parse(path === BENCHMARKS_PAGE ? "{}" : REST, path, settings)).not.toThrow();
  });
});
