/**
 * A model card of a run: what the Hugging Face hub reads at its top, results with intervals, and the answers that a
 * reproducibility review asks for, each from the manifest, the config or the events. What nobody said is said to be absent.
 */

import { stringify } from "yaml";

import type { ArmResult, LoggedMeasure } from "../runs/arm-result.ts";
import { editsTable, type ShownEdit } from "../report/edits-table.ts";
import { markdownText as text } from "../report/markdown-text.ts";
import type { Manifest } from "../runs/manifest.ts";
import { loopText } from "./loop-text.ts";
import { titleOf } from "./questions.ts";

export interface CardFacts {
  readonly manifest: Manifest;
  /** config.yaml, as a tree. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly tables: readonly {
    readonly measures: readonly LoggedMeasure[];
    readonly results: readonly ArmResult[];
  }[];
  /** Edits to show, pictures by their path from the card. */
  readonly edits: readonly ShownEdit[];
  readonly affiliation?: string | undefined;
  /** What the model may be used under, as the hub abbreviates it. */
  readonly licence?: string | undefined;
  /** Name of the model on the hub. */
  readonly title?: string | undefined;
}

/** Markdown with front matter. */
export function runCard(facts: CardFacts): string {
  const { manifest, tables, edits, title = manifest.name } = facts;
  const parts = [
    `---\n${stringify(frontMatter(facts))}---`,
    `# ${text(title)}`,
    `An autoregressive image editor: it reads a picture and an instruction as tokens and writes the edited picture token by token. Trained with earl ${manifest.software.earl}; architecture and files are Emu3's.`,
    ...(tables.length === 0 ? [] : ["## Results", ...tables.map(resultsTable), INTERVALS]),
    ...(edits.length === 0 ? [] : ["## Edits", editsTable(edits)]),
    "## Reproducibility",
    ...answers(facts).map(({ question, answer }) => `### ${question}\n\n${answer}`),
  ];
  return `${parts.join("\n\n")}\n`;
}

const INTERVALS =
  "Brackets are 95 % intervals. An edit whose verdict failed is counted as failed, never as a zero.";
const UNSAID = "Not said.";

function frontMatter({
  manifest,
  config,
  tables,
  licence,
  title = manifest.name,
}: CardFacts): Record<string, unknown> {
  const { checkpoint } = (config["policy"] ?? {}) as { checkpoint?: string };
  const terms = (manifest.datasets ?? []).flatMap((one) => one.terms ?? []);
  const datasets = [
    ...new Set([
      ...(manifest.hub ?? []).filter(({ kind }) => kind === "dataset").map(({ name }) => repositoryOf(name)),
      ...terms
        .map(({ page }) => /huggingface\.co\/datasets\/([^/]+\/[^/]+)/.exec(page)?.[1])
        .filter((name) => name !== undefined),
    ]),
  ];
  const results = tables.flatMap(({ measures, results: rows }) => indexed(measures, rows));
  return {
    library_name: "earl",
    ...(licence !== undefined && { license: licence }),
    pipeline_tag: "image-to-image",
    tags: [
      "image-editing",
      "autoregressive",
      "emu3",
      ...(typeof config["algorithm"] === "string" ? [config["algorithm"]] : []),
    ],
    ...(checkpoint !== undefined && isOnHub(checkpoint) && { base_model: repositoryOf(checkpoint) }),
    ...(datasets.length > 0 && { datasets }),
    ...(results.length > 0 && { "model-index": [{ name: title, results }] }),
  };
}

/** The newest policy's figures over all edits, as the hub indexes them. */
function indexed(measures: readonly LoggedMeasure[], rows: readonly ArmResult[]): unknown[] {
  const whole = rows.filter(({ task, role }) => task === "all" && role !== "copy");
  const last = whole.at(-1)?.arm;
  return whole
    .filter(({ arm }) => arm === last)
    .map(({ benchmark, decoding, figures }) => ({
      task: { type: "image-to-image", name: "image editing" },
      dataset: { type: benchmark, name: `${benchmark}, ${decoding}` },
      metrics: measures.flatMap(({ name, label }) => {
        const figure = figures[name];
        return figure === undefined
          ? []
          : [
              {
                type: name,
                name: `${label} (95 % interval ${rounded(figure.low)} to ${rounded(figure.high)})`,
                value: rounded(figure.mean),
              },
            ];
      }),
    }));
}

/** Four digits say more than an interval leaves. */
const rounded = (value: number): number => Number(value.toPrecision(4));

function resultsTable({ measures, results }: CardFacts["tables"][number]): string {
  const rows = results.filter(({ task }) => task === "all");
  const head = ["policy", "decoding", ...measures.map(({ label }) => label), "edits", "failed"];
  const body = rows.map((row) => [
    row.arm,
    row.decoding,
    ...measures.map(({ name, unit }) => {
      const figure = row.figures[name];
      const digits = unit === "share" ? 3 : 2;
      return figure === undefined
        ? "—"
        : `${figure.mean.toFixed(digits)} (${figure.low.toFixed(digits)}–${figure.high.toFixed(digits)})`;
    }),
    String(row.count),
    String(row.failed),
  ]);
  const line = (cells: readonly string[]): string => `| ${cells.map(text).join(" | ")} |`;
  const title = rows[0]?.benchmark ?? "";
  return [`**${text(title)}**`, "", line(head), line(head.map(() => "---")), ...body.map(line)].join("\n");
}

interface Answer {
  readonly question: string;
  readonly answer: string;
}

/** The questions of the paper's own review, in its order. */
function answers({ manifest, config, affiliation }: CardFacts): Answer[] {
  const {
    researchType,
    commit,
    software,
    hardware,
    data,
    datasets = [],
    hub = [],
    setup,
    seeds,
    drawn = {},
    command,
  } = manifest;
  const packages = Object.entries(software.packages).map(([name, version]) => `${name} ${version}`);
  return [
    { question: titleOf("research-type"), answer: researchType },
    { question: titleOf("affiliation"), answer: affiliation === undefined ? UNSAID : text(affiliation) },
    {
      question: titleOf("pseudocode"),
      answer: `The loop, as this version runs it:\n\n\`\`\`ts\n${loopText()}\n\`\`\``,
    },
    {
      question: titleOf("open-code"),
      answer: `earl ${software.earl}${commit === undefined ? ", as published" : `, commit \`${commit}\``}. Command: \`${command}\`.`,
    },
    {
      question: titleOf("open-data"),
      answer: list([
        ...datasets.map(datasetLine),
        ...hub.map(({ name, commit: at }) => `${name} at commit \`${at}\``),
        ...data.map(fileLine),
      ]),
    },
    {
      question: titleOf("data-splits"),
      answer: list([
        // What earlier versions said.
        ...(datasets.length > 0
          ? []
          : (manifest.rows ?? []).map(({ split, rows }) => `${split}: ${rows} rows`)),
        ...datasets.map(({ split, rows, repeated, filters, sources = [] }) =>
          [
            `${split}: ${rows} rows`,
            ...(repeated > 0 ? [`${repeated} rows of an id that came before left out`] : []),
            ...filters,
            ...sources.map(
              ({ name, rows: of, taken, weight }) => `${name}: ${taken} of ${of} rows (weight ${weight})`,
            ),
          ].join("; "),
        ),
        ...Object.entries(drawn).map(
          ([stage, edits]) => `${stage} draws ${edits} edits, repetitions included`,
        ),
      ]),
    },
    {
      question: titleOf("hardware"),
      answer: `${text(hardware.processor)}, ${hardware.cores} cores, ${hardware.memoryGiB} GiB; tensors on ${text(hardware.device)}.`,
    },
    {
      question: titleOf("software"),
      answer: `Node ${software.node}, ${software.system}. ${packages.join(", ")}.`,
    },
    {
      question: titleOf("experiment-setup"),
      answer: `${list(setup)}\n\nSeeds: ${Object.entries(seeds)
        .map(([name, seed]) => `${name} ${seed}`)
        .join(", ")}. Every setting:\n\n\`\`\`yaml\n${stringify(config)}\`\`\``,
    },
  ];
}

function datasetLine({
  split,
  declared,
  terms = [],
  generated = [],
}: NonNullable<Manifest["datasets"]>[number]): string {
  const words = [
    ...terms.map(({ title, licence, page }) => `[${text(title)}](${page}), licence ${licence}`),
    ...generated.map((command) => `drawn by \`${command}\``),
  ];
  return `${split}: ${words.length > 0 ? words.join("; ") : `\`${JSON.stringify(declared)}\``}`;
}

function fileLine({ split, file, bytes, sha256, sample }: Manifest["data"][number]): string {
  return `${split}: ${text(file)}, ${bytes} bytes, SHA-256 ${sha256 === undefined ? `of a sample ${sample}` : sha256}`;
}

function list(lines: readonly string[]): string {
  return lines.length === 0 ? UNSAID : lines.map((line) => `- ${line}`).join("\n");
}

/** False for a folder of this machine, which is nobody's base model: "runs/first/checkpoints/sft-000100". */
function isOnHub(checkpoint: string): boolean {
  return checkpoint.startsWith("hf://") || /^\w[^/@]*\/[^/@]+(?:@[^/]+)?$/.test(checkpoint);
}

/** "hf://datasets/owner/name@revision/folder" is "owner/name". */
function repositoryOf(name: string): string {
  return /^(?:hf:\/\/)?(?:(?:datasets|models)\/)?([^/@]+\/[^/@]+)/.exec(name)?.[1] ?? name;
}
