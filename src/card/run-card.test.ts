import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";
import { parse } from "yaml";

import { trialManifest } from "../../test/small/trial-run.ts";
import { TEST_MEASURES, testArms } from "../../test/report/written-run.ts";
import { loopText } from "./loop-text.ts";
import { runCard, type CardFacts } from "./run-card.ts";

const facts: CardFacts = {
  manifest: {
    ...trialManifest,
    datasets: [
      {
        split: "train",
        declared: { kind: "mixture" },
        rows: 120,
        files: 2,
        repeated: 3,
        filters: ["5 of 125 rows are left out, as pairs.jsonl says."],
        sources: [{ name: "magicbrush", weight: 2, rows: 60, taken: 120 }],
        terms: [
          {
            title: "MagicBrush",
            licence: "CC-BY-4.0",
            page: "https://huggingface.co/datasets/osunlp/MagicBrush",
          },
        ],
      },
    ],
    drawn: { sft: 640 },
    hub: [{ name: "hf://someone/edits@main", kind: "dataset", commit: "a".repeat(40) }],
  },
  config: { algorithm: "sft", policy: { checkpoint: "BAAI/Emu3-Stage1@main" } },
  tables: [{ measures: TEST_MEASURES, results: testArms() }],
  edits: [
    {
      instruction: "make it [red](http://evil) <script>",
      pictures: [{ column: "source", path: "images/a.png" }],
    },
    {
      instruction: "turn | it",
      pictures: [
        { column: "source", path: "images/b.png" },
        { column: "after RL", path: "images/c.png" },
      ],
    },
  ],
  affiliation: "A | B",
  licence: "apache-2.0",
};
const card = runCard(facts);

describe("a run's card", () => {
  test("says to the hub what the model is made from, on what, and how good it is", () => {
    const front = parse(card.split("---\n")[1] ?? "") as Record<string, unknown>;
    expect(front).toMatchObject({
      library_name: "earl",
      license: "apache-2.0",
      pipeline_tag: "image-to-image",
      base_model: "BAAI/Emu3-Stage1",
      datasets: ["someone/edits", "osunlp/MagicBrush"],
    });
    const [index] = front["model-index"] as { results: { metrics: { type: string; value: number }[] }[] }[];
    const rl = testArms().find(({ role, task }) => role === "rl" && task === "all");
    expect(index?.results[0]?.metrics[0]).toMatchObject({
      type: "reward",
      value: rl?.figures["reward"]?.mean,
    });
  });

  test("what a program drew is nobody's dataset, and says how it is drawn again", () => {
    const command = "earl data scenes --out DIR --train 4 --seed 0";
    const { datasets = [] } = facts.manifest;
    const drawn = datasets.map(({ terms: _terms, ...one }) => ({ ...one, generated: [command] }));
    const { hub: _hub, ...manifest } = facts.manifest;
    const text = runCard({ ...facts, manifest: { ...manifest, datasets: drawn } });
    expect(parse(text.split("---\n")[1] ?? "")).not.toHaveProperty("datasets");
    expect(text).toContain(`- train: drawn by \`${command}\``);
  });

  test.each([
    "yes",
    "null",
    "1.0",
    "a: b",
    "- x",
    "#3",
    "'quoted' \"twice\"",
    "---",
    "é\nnew line",
    "*&!%@`",
  ])("a model called %j keeps its name in the front matter", (title) => {
    const front = parse(runCard({ ...facts, title }).split(/^---$/m)[1] ?? "") as Record<string, unknown>;
    expect(front["model-index"]).toMatchObject([{ name: title }]);
  });

  test("a folder of this machine is no base model", () => {
    for (const checkpoint of ["runs/one/checkpoints/sft-000100", "/data/emu3", "./here"]) {
      const own = runCard({ ...facts, config: { ...facts.config, policy: { checkpoint } } });
      expect(parse(own.split("---\n")[1] ?? "")).not.toHaveProperty("base_model");
    }
  });

  test("answers every question of the review, and says what nobody said", () => {
    const questions = [...card.matchAll(/^### (.+)$/gm)].map(([, question]) => question);
    expect(questions).toEqual([
      "Research type",
      "Affiliation",
      "Pseudocode",
      "Open code",
      "Open data",
      "Data splits",
      "Hardware",
      "Software",
      "Experiment set-up",
    ]);
    expect(card).toContain(
      "train: 120 rows; 3 rows of an id that came before left out; 5 of 125 rows are left out",
    );
    expect(card).toContain("magicbrush: 120 of 60 rows (weight 2)");
    expect(card).toContain(
      "[MagicBrush](https://huggingface.co/datasets/osunlp/MagicBrush), licence CC-BY-4.0",
    );
    expect(card).toContain("sft draws 640 edits");
    expect(runCard({ ...facts, affiliation: undefined })).toContain("### Affiliation\n\nNot said.");
  });

  test("shows words of others as words", () => {
    const asked = "make it \\[red\\](http://evil) \\<script\\>";
    expect(card).toContain(`
| instruction | source | after RL |
| --- | --- | --- |
| ${asked} | ![source: ${asked}](images/a.png) |  |
| turn \\| it | ![source: turn \\| it](images/b.png) | ![after RL: turn \\| it](images/c.png) |
`);
    expect(card).toContain("A \\| B");
  });

  test("quotes the loop of this version, whole", () => {
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    expect(readme).toContain(`\`\`\`ts\n${loopText()}\n\`\`\``);
  });
});
