/** The edits of a checkpoint on benchmarks: made where they are missing, each arm's weights read once and only then. */

import { existsSync } from "node:fs";
import { join } from "node:path";

import type { EngineHost } from "../engine/engine-host.ts";
import { OptimizerSettings } from "../engine/optimizer-settings.ts";
import type { OnLoad, PolicyEngine } from "../engine/policy-engine.ts";
import { openEngine } from "../experiment/open-engine.ts";
import { openPolicy, type OpenPolicy } from "../experiment/open-policy.ts";
import { taughtWriting, type TaughtWriting } from "../experiment/taught-writing.ts";
import { hasTextTokenizer } from "../tokens/open-text-tokenizer.ts";
import { VISION_FILE } from "../tokens/vision-tokenizer.ts";
import type { BenchmarkInputs, InputItem } from "./benchmark-inputs.ts";
import { idsHash } from "./benchmark-inputs.ts";
import type { BenchmarkSettings } from "./benchmark-settings.ts";
import { checkpointIdentity } from "./checkpoint-identity.ts";
import {
  EDITS_FILE,
  editKey,
  EditLine,
  readEditsAbout,
  requireSameRecipe,
  writeEditsAbout,
  type EditsAbout,
} from "./edits-folder.ts";
import { whileLocked } from "./folder-lock.ts";
import { JsonLines } from "../runs/json-lines.ts";
import { makeEdits } from "./make-edits.ts";

export interface ArmCheckpoint {
  readonly name: string;
  /** A checkpoint folder. */
  readonly directory: string;
}

export interface ArmEditsListener {
  readonly onLoad: OnLoad;
  readonly onPolicy: (about: string) => void;
  readonly onBegin: (benchmark: string, total: number, done: number) => void;
  readonly onEdit: (done: number, tokens: number) => void;
  readonly onEnd: (benchmark: string, total: number) => void;
}

export interface ArmEditsRequest {
  readonly host: EngineHost;
  readonly arm: ArmCheckpoint;
  readonly out: string;
  readonly settings: Pick<BenchmarkSettings, "drawing" | "reading" | "engine" | "size">;
  readonly benchmarks: readonly { readonly inputs: BenchmarkInputs }[];
  readonly signal: AbortSignal;
  readonly listener: ArmEditsListener;
  /** Hears when all edits of a benchmark are there. */
  readonly onBenchmark: (inputs: BenchmarkInputs, folder: string) => void;
}

/** Rows of a benchmark that are wanted, from the first on. */
export function wantedItems({ about, items }: BenchmarkInputs, size = about.rows): InputItem[] {
  return items.filter(({ number }) => number < size);
}

/** Makes what is missing, benchmark by benchmark. Throws ConfigError where earlier edits were made in another way. */
export async function makeArmEdits(request: ArmEditsRequest): Promise<void> {
  const { arm, out, settings, benchmarks, signal } = request;
  const reading = { ...settings.reading, ...writingOf(arm.directory, settings.reading) };
  const recipe = await recipeOf(arm.directory, settings.drawing, reading);
  await using opened = new OpenedArm(request, reading);
  for (const { inputs } of benchmarks) {
    signal.throwIfAborted();
    const folder = join(out, arm.name, inputs.about.name);
    await whileLocked(folder, () => makeOn(inputs, folder, { ...request, recipe, reading, opened }));
    request.onBenchmark(inputs, folder);
  }
}

type ArmReading = BenchmarkSettings["reading"] & TaughtWriting;

/** What the settings say of the arm's writing, and where they say nothing what its run does. */
function writingOf(
  directory: string,
  { thought, freeGridText }: BenchmarkSettings["reading"],
): TaughtWriting {
  if (thought !== undefined && freeGridText !== undefined) return { thought, freeGridText };
  const taught = taughtWriting(directory);
  return { thought: thought ?? taught.thought, freeGridText: freeGridText ?? taught.freeGridText };
}

interface MakingParts extends ArmEditsRequest {
  readonly recipe: EditsAbout["recipe"];
  readonly reading: ArmReading;
  readonly opened: OpenedArm;
}

async function makeOn(
  inputs: BenchmarkInputs,
  folder: string,
  { arm, settings, signal, listener, recipe, reading, opened }: MakingParts,
): Promise<void> {
  const benchmark = inputs.about.name;
  const items = wantedItems(inputs, settings.size);
  const { seeds, samples } = settings.drawing;
  const before = readEditsAbout(folder);
  const about: EditsAbout = {
    version: 1,
    arm: arm.name,
    benchmark,
    items: items.length,
    ids: idsHash(items),
    seeds: [...new Set([...(before?.seeds ?? []), ...seeds])],
    samples,
    recipe,
    device: settings.engine.kind,
  };
  if (before !== undefined) requireSameRecipe(folder, before, about);
  const wanted = items.flatMap(({ id }) =>
    seeds.flatMap((seed) => Array.from({ length: samples }, (_, sample) => editKey({ id, seed, sample }))),
  );
  const known = knownEdits(folder);
  const done = wanted.filter((key) => known.has(key)).length;
  // A policy that cannot be opened leaves nothing behind.
  const missing = done === wanted.length ? undefined : await opened.open();
  const isMore = before === undefined || before.items <= about.items;
  writeEditsAbout(folder, isMore ? about : { ...before, seeds: about.seeds });
  if (missing === undefined) return;
  const { policy, engine } = missing;
  listener.onBegin(benchmark, wanted.length, done);
  await makeEdits({
    folder,
    inputs,
    items,
    policy,
    engine,
    sampling: settings.drawing,
    reading,
    comparesCodes: inputs.about.choice.kind === "held-out",
    signal,
    onEdit: listener.onEdit,
  });
  listener.onEnd(benchmark, wanted.length);
}

function knownEdits(folder: string): Set<string> {
  const path = join(folder, EDITS_FILE);
  if (!existsSync(path)) return new Set();
  return new Set(JsonLines.open(path, EditLine).entries.map(editKey));
}

/** A policy and its engine, opened when they are first asked for. */
class OpenedArm implements AsyncDisposable {
  readonly #request: ArmEditsRequest;
  readonly #reading: ArmReading;
  #opened: { readonly policy: OpenPolicy; readonly engine: PolicyEngine } | undefined;

  constructor(request: ArmEditsRequest, reading: ArmReading) {
    this.#request = request;
    this.#reading = reading;
  }

  async open(): Promise<{ readonly policy: OpenPolicy; readonly engine: PolicyEngine }> {
    const { host, arm, listener } = this.#request;
    if (this.#opened !== undefined) return this.#opened;
    const { thought, freeGridText, tokenizer, visionTokenizer } = this.#reading;
    const policy = await openPolicy(host, arm.directory, {
      freeGridText,
      tokenizer: hasTextTokenizer(arm.directory) ? undefined : tokenizer,
      visionTokenizer: existsSync(join(arm.directory, VISION_FILE)) ? undefined : visionTokenizer,
    });
    listener.onPolicy(`${policy.about}${thought ? "; it writes a thought before each picture" : ""}`);
    const purpose = { optimizer: OptimizerSettings.parse({}), purpose: "inference" } as const;
    const engine = await openEngine(host, policy, { ...purpose, onLoad: listener.onLoad });
    this.#opened = { policy, engine };
    return this.#opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened?.engine[Symbol.asyncDispose]();
    await this.#opened?.policy.vision[Symbol.asyncDispose]();
  }
}

async function recipeOf(
  directory: string,
  { temperature, topK, topP, guidance, maxTokens }: BenchmarkSettings["drawing"],
  { area, grid, thought, freeGridText }: ArmReading,
): Promise<EditsAbout["recipe"]> {
  return {
    checkpoint: await checkpointIdentity(directory),
    temperature,
    topK,
    topP,
    guidance,
    thought,
    freeGridText,
    ...(maxTokens !== undefined && { maxTokens }),
    ...(area !== undefined && { area }),
    ...(grid !== undefined && { grid: { ...grid } }),
  };
}
