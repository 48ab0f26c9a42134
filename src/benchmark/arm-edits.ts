/** The edits of a checkpoint on benchmarks: made where they are missing, each arm's weights read once and only then. */

import { existsSync } from "node:fs";
import { join } from "node:path";

import type { EngineHost } from "../engine/engine-host.ts";
import { OptimizerSettings } from "../engine/optimizer-settings.ts";
import type { OnLoad, PolicyEngine } from "../engine/policy-engine.ts";
import { openEngine } from "../experiment/open-engine.ts";
import { openPolicy, type OpenPolicy } from "../experiment/open-policy.ts";
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
  const recipe = await recipeOf(arm.directory, settings);
  await using opened = new OpenedArm(request);
  for (const { inputs } of benchmarks) {
    signal.throwIfAborted();
    const folder = join(out, arm.name, inputs.about.name);
    await whileLocked(folder, () => makeOn(inputs, folder, { ...request, recipe, opened }));
    request.onBenchmark(inputs, folder);
  }
}

interface MakingParts extends ArmEditsRequest {
  readonly recipe: EditsAbout["recipe"];
  readonly opened: OpenedArm;
}

async function makeOn(
  inputs: BenchmarkInputs,
  folder: string,
  { arm, settings, signal, listener, recipe, opened }: MakingParts,
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
  const isMore = before === undefined || before.items <= about.items;
  writeEditsAbout(folder, isMore ? about : { ...before, seeds: about.seeds });
  const wanted = items.flatMap(({ id }) =>
    seeds.flatMap((seed) => Array.from({ length: samples }, (_, sample) => editKey({ id, seed, sample }))),
  );
  const known = knownEdits(folder);
  const done = wanted.filter((key) => known.has(key)).length;
  if (done === wanted.length) return;
  const { policy, engine } = await opened.open();
  listener.onBegin(benchmark, wanted.length, done);
  await makeEdits({
    folder,
    inputs,
    items,
    policy,
    engine,
    sampling: settings.drawing,
    reading: settings.reading,
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
  #opened: { readonly policy: OpenPolicy; readonly engine: PolicyEngine } | undefined;

  constructor(request: ArmEditsRequest) {
    this.#request = request;
  }

  async open(): Promise<{ readonly policy: OpenPolicy; readonly engine: PolicyEngine }> {
    const { host, arm, settings, listener } = this.#request;
    if (this.#opened !== undefined) return this.#opened;
    const policy = await openPolicy(host, arm.directory, { freeGridText: settings.reading.freeGridText });
    listener.onPolicy(policy.about);
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
  { drawing, reading }: ArmEditsRequest["settings"],
): Promise<EditsAbout["recipe"]> {
  const { temperature, topK, topP, guidance, maxTokens } = drawing;
  const { area, grid, thought, freeGridText } = reading;
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
