/**
 * The torch engine at real size on one card: decode beside transformers' generate, the update's share of the card's
 * speed, memory, agreement of sampler and trainer, and the vision tokenizer. Random weights unless --checkpoint names
 * published ones. Needs `earl engine install`; the peer needs bench/peer/setup.sh, or --peer-python of an environment
 * with transformers (without one its column is empty).
 *
 *   node src/from-source.mjs bench/cluster.ts                                  # Emu3's sizes, an adapter, on one GPU
 *   node src/from-source.mjs bench/cluster.ts --trained all --layers 8         # all weights of a quarter of its layers
 *   node src/from-source.mjs bench/cluster.ts --device cpu --shape tiny        # does the program work? no GPU is measured
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { Cluster } from "../src/engine/torch/cluster.ts";
import { ClusterMovq } from "../src/engine/torch/cluster-movq.ts";
import { openTorchEngine } from "../src/engine/torch/torch-engine.ts";
import { TorchSettings } from "../src/engine/torch/torch-settings.ts";
import { formatTable } from "../src/format.ts";
import { PAPER_STEP, planMemory } from "../src/policy/cluster-memory.ts";
import { readPolicyConfig } from "../src/policy/config-file.ts";
import { PROJECTIONS, parameterCount } from "../src/policy/parameters.ts";
import { readMovqConfig } from "../src/tokens/movq/config-file.ts";
import { MovqPictures } from "../src/tokens/movq/movq-pictures.ts";
import { placeMovqWeights } from "../src/tokens/movq/weights.ts";
import { openVisionTokenizer } from "../src/tokens/open-vision-tokenizer.ts";
import { plainGrammar } from "../src/tokens/plain-grammar.ts";
import { cardOf } from "./cluster/cards.ts";
import { PeakMemory } from "./cluster/peak-memory.ts";
import { agreement, decodePictures, isIndependent, update, write, type Work } from "./cluster/probes.ts";
import { SHAPES, writeRandomMovq, writeRandomPolicy } from "./cluster/random-weights.ts";
import { readJsonFigures, type Figures } from "./speed/figures.ts";
import { runArm } from "./speed/run-arm.ts";

const { values } = parseArgs({
  options: {
    shape: { type: "string", default: "emu3" },
    layers: { type: "string" },
    checkpoint: { type: "string" },
    trained: { type: "string", default: "lora" },
    device: { type: "string", default: "cuda" },
    precision: { type: "string", default: "bfloat16" },
    rows: { type: "string", default: "8,32,64,128" },
    "prompt-tokens": { type: "string" },
    "completion-tokens": { type: "string" },
    groups: { type: "string", default: "4" },
    pictures: { type: "string", default: "16" },
    side: { type: "string" },
    threads: { type: "string", default: "0" },
    "peer-python": { type: "string", default: join(import.meta.dirname, "../.venv/bin/python") },
    out: { type: "string" },
  },
});

const isTiny = values.shape === "tiny";
if (!(values.shape in SHAPES)) throw new Error(`--shape is ${Object.keys(SHAPES).join(" or ")}.`);
const rowCounts = values.rows.split(",").map(Number);
const root = join(import.meta.dirname, "..");
const folder = await mkdtemp(join(tmpdir(), "earl-cluster-"));
const settings = TorchSettings.parse({
  device: values.device,
  workers: 1,
  precision: values.precision,
  threads: Number(values.threads),
  recompute: true,
  generationRows: Math.max(...rowCounts),
});
const progress = (text: string): unknown => process.stderr.write(`${text}\n`);
const say = (text = ""): unknown => process.stdout.write(`${text}\n`);
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;

try {
  const [policyPlace, visionPlace] = [values.checkpoint ?? join(folder, "policy"), join(folder, "vision")];
  if (values.checkpoint === undefined) {
    const shape = SHAPES[isTiny ? "tiny" : "emu3"];
    progress("writing random weights");
    await writeRandomPolicy(policyPlace, { ...shape, layers: Number(values.layers ?? shape.layers) });
  }
  await writeRandomMovq(visionPlace, isTiny ? "tiny" : "emu3");
  const { config } = await readPolicyConfig(policyPlace);
  const work: Work = {
    groupSize: PAPER_STEP.groupSize,
    promptTokens: Number(values["prompt-tokens"] ?? (isTiny ? 40 : PAPER_STEP.promptTokens)),
    completionTokens: Number(values["completion-tokens"] ?? (isTiny ? 96 : PAPER_STEP.completionTokens)),
    vocabularySize: config.vocabularySize,
  };

  await using cluster = await Cluster.start({
    ...settings,
    logFile: join(tmpdir(), "earl-bench-cluster.log"),
  });
  const worker = cluster.workers[0]!;
  const card = cardOf(worker.gpu);
  say(
    `worker: ${worker.gpu ?? `CPU, ${cpus().length} × ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}`}; torch ${worker.torch}`,
  );
  if (worker.gpu === null)
    say("NO GPU WAS MEASURED: these figures show that the program works, and nothing about a GPU.");
  else if (card === undefined) say("Its data sheet is not in bench/cluster/cards.ts: shares are left out.");
  say(
    `policy: ${parameterCount(config).toLocaleString("en-US")} parameters in ${config.layers} layers, ${settings.precision}, ` +
      `${values.checkpoint ?? "random weights"}; ${values.trained === "all" ? "all weights" : "an adapter of rank 16"} trained; ` +
      `${work.promptTokens} + ${work.completionTokens} tokens, groups of ${work.groupSize}`,
  );

  using peak = new PeakMemory(worker.pid, worker.gpu !== null);
  await using engine = await openTorchEngine(cluster, {
    ...settings,
    name: "bench",
    config,
    trained:
      values.trained === "all"
        ? "all"
        : { rank: 16, alpha: 32, targets: PROJECTIONS, isRankStabilised: false },
    grammar: plainGrammar(config.vocabularySize, {
      start: Math.max(3, config.vocabularySize - PAPER_STEP.codes),
      length: work.completionTokens,
    }),
    weights: { kind: "files", directory: policyPlace, seed: 1 },
    optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 },
  });
  const results: Record<string, unknown> = { worker, options: values };

  // Bytes that a step must read: layers, the drawn slice of the head, every prompt once a group, half of the own cache.
  const parameters = parameterCount(config);
  const width = settings.precision === "bfloat16" ? 2 : 4;
  const tables = config.vocabularySize * config.hiddenSize * (config.tieEmbeddings ? 1 : 2);
  const slice = Math.min(PAPER_STEP.codes, config.vocabularySize - 3) * config.hiddenSize;
  const tokenBytes = 2 * config.layers * config.keyValueHeads * config.headSize * width;
  const bytesOf = (rows: number): number =>
    (parameters - tables + slice) * width +
    tokenBytes * ((rows / work.groupSize) * work.promptTokens + (rows * work.completionTokens) / 2);

  const decode: Figures[] = [];
  for (const rows of rowCounts) {
    progress(`decode, ${rows} rows`);
    const written = await write(engine, rows, work);
    const bandwidth = bytesOf(rows) / (written.stepMs / 1000);
    decode.push({
      rows,
      stepMs: written.stepMs,
      seconds: written.seconds,
      bandwidth,
      ...(card === undefined ? {} : { share: bandwidth / card.bandwidth }),
      peakBytes: peak.read(),
      peerMs: await peerMs(rows),
    });
  }
  results["decode"] = decode;
  say();
  say(
    formatTable([
      ["decode", "ms a token", "transformers", "read", "of the card", "all, prompts too", "peak memory"],
      ...decode.map((row) => [
        `${row["rows"]} rows`,
        row["stepMs"]!.toFixed(2),
        Number.isNaN(row["peerMs"]) ? "–" : row["peerMs"]!.toFixed(2),
        `${(row["bandwidth"]! / 1e9).toFixed(1)} GB/s`,
        row["share"] === undefined ? "–" : percent(row["share"]),
        `${row["seconds"]!.toFixed(2)} s`,
        gigabytes(row["peakBytes"]!),
      ]),
    ]),
  );

  progress("agreement, update");
  const written = await write(engine, Number(values.groups) * work.groupSize, work);
  peak.read();
  const apart = await agreement(engine, written);
  const { seconds, metrics } = await update(engine, written);
  const rate = metrics.flops / seconds;
  const task = {
    trained: values.trained === "all" ? "full" : "lora",
    hasReference: false,
    isOffloaded: false,
  } as const;
  const step = { ...PAPER_STEP, ...work, prompts: Number(values.groups) };
  const planned = planMemory(config, task, { workers: 1, step });
  const peakBytes = peak.read();
  results["update"] = { seconds, flops: metrics.flops, rate, peakBytes, planned: planned.needed };
  results["agreement"] = apart;
  say();
  say(
    `update of ${values.groups} groups: ${seconds.toFixed(2)} s, ${(rate / 1e12).toFixed(3)} TFLOP/s` +
      `${card === undefined ? "" : `, ${percent(rate / card.flops)} of the card's (model operations alone)`}; ` +
      `peak memory ${gigabytes(peakBytes)}${card === undefined ? "" : `, planned ${gigabytes(planned.needed)}`}`,
  );
  say(
    `agreement of sampler and trainer: mean ${apart.mean.toExponential(2)}, largest ${apart.largest.toExponential(2)} nats; declared ${engine.agreement.mean} and ${engine.agreement.largest}`,
  );

  progress("independence");
  const independent = await isIndependent(engine, Math.max(2 * work.groupSize, rowCounts[0] ?? 0), work);
  results["independent"] = independent;
  say(`a group beside another is ${independent ? "the same to the bit" : "NOT the same"} as alone`);

  progress("vision tokenizer");
  const file = await readMovqConfig(visionPlace);
  const places = await placeMovqWeights(visionPlace, file);
  const movq = new MovqPictures(new ClusterMovq(() => Promise.resolve(cluster), file.config, places));
  await using vision = await openVisionTokenizer(visionPlace, { movq: () => Promise.resolve(movq) });
  const side = Number(values.side ?? (isTiny ? 16 : 256));
  const pictureSeconds = await decodePictures(vision, Number(values.pictures), side);
  results["movq"] = { pictures: Number(values.pictures), side, seconds: pictureSeconds };
  say(
    `vision tokenizer: ${values.pictures} pictures of ${side} × ${side} decoded in ${pictureSeconds.toFixed(2)} s`,
  );
  if (values.out !== undefined) await writeFile(values.out, `${JSON.stringify(results, null, 2)}\n`);

  async function peerMs(rows: number): Promise<number> {
    if (!existsSync(values["peer-python"])) return Number.NaN;
    progress(`transformers, ${rows} rows`);
    const shape = {
      vocab_size: config.vocabularySize,
      hidden_size: config.hiddenSize,
      intermediate_size: config.intermediateSize,
      num_hidden_layers: config.layers,
      num_attention_heads: config.heads,
      num_key_value_heads: config.keyValueHeads,
      head_dim: config.headSize,
      max_position_embeddings: config.maxPositions,
      tie_word_embeddings: config.tieEmbeddings,
    };
    const flags = { rows, device: values.device, type: settings.precision, threads: values.threads };
    const tokens = { "prompt-tokens": work.promptTokens, "completion-tokens": work.completionTokens };
    const args = Object.entries({ shape: JSON.stringify(shape), ...flags, ...tokens }).flatMap(
      ([name, value]) => [`--${name}`, String(value)],
    );
    const [figures] = await runArm(
      {
        name: "transformers",
        command: values["peer-python"],
        args: ["bench/peer/cluster_generate.py", ...args],
        read: readJsonFigures,
        skip: 0,
      },
      root,
    );
    return figures?.["stepMs"] ?? Number.NaN;
  }
} finally {
  await rm(folder, { recursive: true });
}
