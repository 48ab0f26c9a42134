import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import type { Described } from "../src/config/choice.ts";
import { configDocs } from "../src/config/config-docs.ts";
import { configJsonSchema } from "../src/config/settings.ts";
import { RUN_CONFIG } from "../src/experiment/run-config.ts";
import { DATASETS } from "../src/data/open-dataset.ts";
import { ENGINES } from "../src/engine/open-engine-host.ts";
import { BENCHMARKS } from "../src/evaluate/open-benchmark.ts";
import { REWARDS } from "../src/rewards/open-reward.ts";
import { SCORE_MAPS } from "../src/rewards/score-map.ts";
import { metricsDocs } from "../src/runs/metrics-docs.ts";

const docs = (name: string): string => readFileSync(new URL(`../docs/${name}`, import.meta.url), "utf8");

describe("generated pages say what the source says (when not: npm run earl -- config docs --out docs)", () => {
  test("docs/config.md", () => expect(docs("config.md")).toBe(configDocs(RUN_CONFIG)));
  test("docs/metrics.md", () => expect(docs("metrics.md")).toBe(metricsDocs()));
  test("docs/config.schema.json", () =>
    expect(JSON.parse(docs("config.schema.json"))).toEqual(configJsonSchema(RUN_CONFIG)));
});

/** Where the config chooses from a table. */
const CHOICES: Readonly<Record<string, Readonly<Record<string, Described>>>> = {
  data: DATASETS,
  engine: ENGINES,
  "rewards.<n>": REWARDS,
  "rewards.<n>.map": SCORE_MAPS,
  "evaluation.benchmarks.<n>": BENCHMARKS,
};

describe("every kind of every table", () => {
  const kinds = Object.entries(CHOICES).flatMap(([key, table]) =>
    Object.entries(table).map(([kind, { about, options }]) => ({
      key,
      kind,
      about,
      names: Object.keys(options.shape),
    })),
  );
  const page = docs("config.md");
  const sections = page.split(/^(?=##)/m);

  test.each(kinds)("$key: $kind is explained, with its own settings", ({ key, kind, about, names }) => {
    const section = sections.find((one) => one.startsWith(`### \`${key}.kind: ${kind}\`\n`));
    expect(section).toContain(about);
    for (const name of names) {
      // A setting that is a group or a choice has a section of its own.
      expect(`${section ?? ""}${page.match(/^#{2,3} `.*`$/gm)?.join("\n") ?? ""}`).toContain(
        `\`${key}.${name}\``,
      );
    }
  });

  test.each(Object.keys(CHOICES))("%s: common settings stand once", (key) => {
    const section = sections.find((one) => one.startsWith(`## \`${key}\`\n`)) ?? "";
    const common = [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, name = ""]) => name);
    expect(common).toContain(`${key}.kind`);
    for (const name of common) expect(page.split(`| \`${name}\` |`)).toHaveLength(2);
  });

  test.each(kinds)("$key: $kind is in the JSON schema", ({ kind, about }) => {
    const schema = docs("config.schema.json");
    expect(schema).toContain(`"const": ${JSON.stringify(kind)}`);
    expect(schema).toContain(JSON.stringify(about));
  });

  test("and what holds itself is a reference there", () => {
    expect(docs("config.schema.json")).toContain('"$ref": "#/$defs/');
  });
});
