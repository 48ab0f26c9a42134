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
  pictures: [{ path: "images/a.png", about: "make it [red](http://evil) <script>" }],
  affiliation: "A | B",
};
const card = runCard(facts);

describe("a run's card", () => {
  test("says to the hub what the model is made from, on what, and how good it is", () => {
    const front = parse(card.split("---\n")[1] ?? "") as Record<string, unknown>;
    expect(front).toMatchObject({
      library_name: "earl",
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
    expect(card).toContain("![make it \\[red\\](http://evil) \\<script\\>](images/a.png)");
    expect(card).toContain("A \\| B");
  });

  test("quotes the loop of this version, whole", () => {
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    expect(readme).toContain(`\`\`\`ts\n${loopText()}\n\`\`\``);
  });
});
