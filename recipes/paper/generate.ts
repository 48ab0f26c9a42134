/**
 * The configs of this folder: what the paper trained, from the numbers that it and its code state. Each file is whole, so
 * that it can be read and changed alone; this is where what they share is written once.
 *
 *   node src/from-source.mjs recipes/paper/generate.ts   # writes them anew
 */

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The seven datasets as the paper's authors published them, tokenized; the first is simple edits, the others complex. */
const SIMPLE = "omniedit";
const COMPLEX = ["magic_brush", "aurora_ag", "aurora_kubric", "ss2", "vismin", "human-edit"] as const;
type Source = typeof SIMPLE | (typeof COMPLEX)[number];
type Kinds = "S" | "C" | "S+C";

/** Coefficients of the scaled run (`sft_s__rl_sc.jsonnet`): about 50,000 rows of each complex set, 100,000 simple ones. */
const COEFFICIENTS: Readonly<Record<Source, number>> = {
  omniedit: 0.13,
  magic_brush: 6,
  aurora_ag: 6,
  aurora_kubric: 0.7,
  ss2: 1.55,
  vismin: 3.7,
  "human-edit": 11,
};

const sourcesOf = (kinds: Kinds): Source[] => [
  ...(kinds === "C" ? [] : [SIMPLE as Source]),
  ...(kinds === "S" ? [] : COMPLEX),
];

interface Thoughts {
  readonly thoughts?: boolean;
}

/** Where simple edits come from; those with thoughts were published apart. */
function directoryOf(source: Source, { thoughts = false }: Thoughts): string {
  return source === SIMPLE && thoughts ? "omniedit-got-tokenized-256" : `earl-datasets/${source}`;
}

/** What the published thoughts may be called; those that a row has are joined in this order. */
const THOUGHT_KEYS =
  "[source_image_grounding_information, conditioning_information, thinking, reasoning_verbose, got]";

/** The section `data`. Where there is one source, it is no mixture. */
function dataOf(
  kinds: Kinds,
  settings: Thoughts & { readonly head: readonly string[]; readonly weights?: (source: Source) => number },
): string {
  const sources = sourcesOf(kinds);
  const thoughts = settings.thoughts === true ? ["thoughts: true"] : [];
  const keys = settings.thoughts === true ? `thoughtKeys: ${THOUGHT_KEYS}` : undefined;
  const [only, ...others] = sources;
  if (only !== undefined && others.length === 0 && settings.head.length === 0) {
    const lines = [
      "kind: earl-codes",
      `directory: ${directoryOf(only, settings)}`,
      ...(keys === undefined ? [] : [keys]),
    ];
    return section("data", [...lines, ...thoughts]);
  }
  const { weights } = settings;
  const lines = sources.map((source) => {
    const weight = weights === undefined ? "" : `, weight: ${weights(source)}`;
    return `  - { name: ${source}, kind: earl-codes, directory: ${directoryOf(source, settings)}${weight}${keys === undefined ? "" : `, ${keys}`} }`;
  });
  return section("data", ["kind: mixture", ...settings.head, ...thoughts, "sources:", ...lines]);
}

function section(name: string, lines: readonly string[]): string {
  return [`${name}:`, ...lines.map((line) => `  ${line}`)].join("\n");
}

/** All weights on four GPUs of 80 GB: docs/cluster.md has the arithmetic. */
const ENGINE = section("engine", [
  "kind: torch",
  "workers: 4",
  "precision: bfloat16",
  "recompute: true",
  "timeoutSeconds: 3600",
]);

interface SftRecipe extends Thoughts {
  readonly kinds: Kinds;
  /** A folder, or the run that it goes on from. */
  readonly start: string;
  readonly learningRate: string;
  /** At most five epochs. */
  readonly steps: number;
  readonly about: readonly string[];
}

function sftConfig(
  name: string,
  { kinds, start, learningRate, steps, about, ...thoughts }: SftRecipe,
): string {
  return config(name, "sft", about, [
    dataOf(kinds, {
      ...thoughts,
      head: kinds === "S" ? [] : ["upsampleTo: 50000 # Table 1: smaller sets are repeated"],
    }),
    policyOf(start),
    ENGINE,
    section("optimizer", [
      "beta1: 0.9",
      "beta2: 0.95",
      "epsilon: 1.0e-6",
      "weightDecay: 0.1",
      "maxGradNorm: 5",
    ]),
    section("sft", [
      `steps: ${steps} # at most 5 epochs; the validation loss ends it sooner`,
      "batchSize: 128",
      `learningRate: ${learningRate}`,
      "minLearningRateShare: 0.01",
      "warmupSteps: 30",
      "evaluateEvery: 100",
      "validationSize: 1000",
      "patience: 10",
      "saveEvery: 100",
    ]),
  ]);
}

interface RlRecipe extends Thoughts {
  readonly kinds: Kinds;
  /** The run that it goes on from. */
  readonly start: string;
  /** Small: a pool of 1,600 edits. Scaled: the coefficients' pool. */
  readonly pool: "small" | "scaled";
  readonly about: readonly string[];
}

function rlConfig(name: string, { kinds, start, pool, about, ...thoughts }: RlRecipe): string {
  const data =
    pool === "scaled"
      ? dataOf(kinds, { ...thoughts, head: [], weights: (source) => COEFFICIENTS[source] })
      : dataOf(kinds, {
          ...thoughts,
          head: ["weights: shares", "rows: 1600"],
          weights: (source) => (source === SIMPLE ? 2 : 1),
        });
  return config(name, "grpo", about, [
    data,
    policyOf(start),
    ENGINE,
    section("optimizer", [
      "beta1: 0.9",
      "beta2: 0.999",
      "epsilon: 1.0e-8",
      "weightDecay: 0",
      "maxGradNorm: 1",
    ]),
    section("rewards", [
      "- kind: viescore",
      "  model: Qwen/Qwen2.5-VL-72B-Instruct",
      "  endpoints: [{ url: http://localhost:4877/v1, concurrency: 256 }]",
      "  maxTokens: 1400",
      "  callSeconds: 1000",
      "  totalSeconds: 7200",
    ]),
    section("grpo", [
      `steps: ${pool === "scaled" ? 2000 : 1000}`,
      "prompts: 16",
      "groupSize: 8",
      "updatesPerRollout: 1",
      "temperature: 1",
      "maxTokens: 2048",
      "advantageScale: population",
      "learningRate: 3.0e-6",
      "minLearningRateShare: 1 # constant",
      "warmupSteps: 0",
      "loss: { kind: dapo, klCoef: 3.0e-4, klEstimator: k3 } # the mean over all tokens; one update, so nothing is clipped",
      "evaluateEvery: 100",
      "validationSize: 128",
      "patience: 1000 # it is not stopped early",
      "saveEvery: 100",
    ]),
  ]);
}

function policyOf(start: string): string {
  return section("policy", [
    `checkpoint: ${start}`,
    "visionTokenizer: BAAI/Emu3-VisionTokenizer",
    "freeGridText: true # the policy writes rows*columns itself",
  ]);
}

function config(
  name: string,
  algorithm: string,
  about: readonly string[],
  sections: readonly string[],
): string {
  const head = [
    ...about.map((line) => `# ${line}`),
    "# Written by recipes/paper/generate.ts; README.md says what it needs.",
  ];
  const top = [`name: paper-${name}`, "seed: 42", `algorithm: ${algorithm}`].join("\n");
  // Test splits are the benchmarks', which `earl evaluate` takes.
  return `${[head.join("\n"), top, ...sections, section("evaluation", ["size: 0"])].join("\n")}\n`;
}

const BASE = "BAAI/Emu3-Stage1";
const SFT: Readonly<Record<string, SftRecipe>> = {
  "sft-s": {
    kinds: "S",
    start: BASE,
    learningRate: "1.0e-4",
    steps: 29_300,
    about: ["SFT (S): simple edits, 750,000 of OmniEdit. The paper kept step 11,600 (of batches of 64)."],
  },
  "sft-sc": {
    kinds: "S+C",
    start: BASE,
    learningRate: "1.0e-4",
    steps: 41_000,
    about: ["SFT (S+C): simple and complex edits together. The paper kept step 4,800 (of batches of 64)."],
  },
  "sft-sc-2stage": {
    kinds: "S+C",
    start: "runs/paper-sft-s",
    learningRate: "1.0e-4",
    steps: 41_000,
    about: ["SFT (S+C), two-stage: goes on from SFT (S). The paper kept step 1,200 (of batches of 64)."],
  },
  "sft-think-s": {
    kinds: "S",
    thoughts: true,
    start: "runs/paper-sft-s",
    learningRate: "1.0e-5",
    steps: 29_300,
    about: [
      "SFT think (S): OmniEdit with thoughts of GoT. Its checkpoint's name says a learning rate of 1e-5 and that it goes",
      'on from another ("post"); that this one is SFT (S) is our reading. The paper kept step 10,800.',
    ],
  },
  "sft-think-sc-2stage": {
    kinds: "S+C",
    thoughts: true,
    start: "runs/paper-sft-think-s",
    learningRate: "1.0e-5",
    steps: 41_000,
    about: [
      "SFT think (S+C), two-stage: goes on from SFT think (S). It scored lowest of all (1.52); nothing went on from it.",
    ],
  },
};

const START_NAMES: Readonly<Record<string, string>> = {
  "sft-s": "SFT (S)",
  "sft-sc": "SFT (S+C)",
  "sft-sc-2stage": "SFT (S+C) two-stage",
  "sft-think-s": "SFT think (S)",
};
/** Each start with what it was trained on by RL, and the average score of six benchmarks that the paper gives. */
const RL: readonly (readonly [start: string, kinds: Kinds, average: number])[] = [
  ["sft-s", "S", 4.06],
  ["sft-s", "C", 4.3],
  ["sft-s", "S+C", 4.57],
  ["sft-sc", "C", 3.95],
  ["sft-sc", "S+C", 4.49],
  ["sft-sc-2stage", "C", 3.48],
  ["sft-sc-2stage", "S+C", 4.25],
  ["sft-think-s", "S", 3.68],
  ["sft-think-s", "C", 3.47],
  ["sft-think-s", "S+C", 3.68],
];

/** Every config by the name of its file. */
export function paperConfigs(): Map<string, string> {
  const configs = new Map<string, string>();
  const add = (name: string, text: string): unknown => configs.set(`${name}.yaml`, text);
  for (const [name, recipe] of Object.entries(SFT)) add(name, sftConfig(name, recipe));
  for (const [start, kinds, average] of RL) {
    const name = `${start}-rl-${kinds.toLowerCase().replace("+", "")}`;
    const about = [
      `${START_NAMES[start]} → RL (${kinds}), the small setting: ${average.toFixed(2)} on average in the paper.`,
    ];
    const thoughts = start.includes("think");
    add(name, rlConfig(name, { kinds, start: `runs/paper-${start}`, pool: "small", thoughts, about }));
  }
  const about = [
    "EARL itself: SFT (S) → RL (S+C), scaled to 2,000 steps on the whole pool. 4.80 on average in the paper.",
  ];
  add("earl", rlConfig("earl", { kinds: "S+C", start: "runs/paper-sft-s", pool: "scaled", about }));
  return configs;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of paperConfigs()) writeFileSync(new URL(name, import.meta.url), text);
}
