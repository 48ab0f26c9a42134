import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { configDocs } from "../src/config/config-docs.ts";
import { configJsonSchema } from "../src/config/settings.ts";
import { RUN_CONFIG } from "../src/experiment/run-config.ts";
import { metricsDocs } from "../src/runs/metrics-docs.ts";

const docs = (name: string): string => readFileSync(new URL(`../docs/${name}`, import.meta.url), "utf8");

describe("generated pages say what the source says (when not: npm run earl -- config docs --out docs)", () => {
  test("docs/config.md", () => expect(docs("config.md")).toBe(configDocs(RUN_CONFIG)));
  test("docs/metrics.md", () => expect(docs("metrics.md")).toBe(metricsDocs()));
  test("docs/config.schema.json", () =>
    expect(JSON.parse(docs("config.schema.json"))).toEqual(configJsonSchema(RUN_CONFIG)));
});
