/**
 * Lets a policy make the edits of a benchmark: batches through the engine, each picture written as soon as its group ends. What
 * is there already is not made again. A batch that was stopped in its middle is drawn again as it was, and only what is
 * missing of it is kept, so that the edits are the same however often it is stopped.
 */

import { createHash } from "node:crypto";
import { join } from "node:path";

import type { CompletedGroup, PolicyEngine, Sampling } from "../engine/policy-engine.ts";
import { EngineError } from "../errors.ts";
import type { MeasuredEdit } from "../evaluate/benchmark.ts";
import { editPrompt } from "../experiment/edit-prompt.ts";
import type { OpenPolicy } from "../experiment/open-policy.ts";
import type { Picture } from "../images/picture.ts";
import { encodePng } from "../images/png.ts";
import { resize } from "../images/resize.ts";
import { requireSequence } from "../policy/sequence-fit.ts";
import { Rng } from "../random.ts";
import { readCompletion } from "../rollout/read-completion.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { makeFolders } from "../runs/writable-place.ts";
import { longestCompletion } from "../tokens/completion-length.ts";
import type { Prompt } from "../tokens/prompt.ts";
import { isSameGrid, type CodeGrid, type GridSize } from "../tokens/vision-tokenizer.ts";
import { loadInput, type BenchmarkInputs, type InputItem } from "./benchmark-inputs.ts";
import { EDITS_FILE, editKey, EditLine, PICTURES_FOLDER } from "./edits-folder.ts";
import { JsonLines } from "../runs/json-lines.ts";

/** Completions of a batch: part of the draw, so it is no setting. */
const BATCH_ROWS = 128;

export interface EditSampling extends Omit<Sampling, "groupSize" | "maxTokens"> {
  readonly samples: number;
  readonly seeds: readonly number[];
  /** As long as the pictures need where not given. */
  readonly maxTokens?: number | undefined;
}

/** How pictures are read and written. */
export interface EditReading {
  readonly area?: number | undefined;
  readonly grid?: GridSize | undefined;
  readonly thought: boolean;
}

export interface EditsRequest {
  readonly folder: string;
  readonly inputs: BenchmarkInputs;
  /** Rows that are wanted. */
  readonly items: readonly InputItem[];
  readonly policy: OpenPolicy;
  readonly engine: Pick<PolicyEngine, "generate">;
  readonly sampling: EditSampling;
  readonly reading: EditReading;
  /** Whether the policy's codes are compared with those of the targets. */
  readonly comparesCodes: boolean;
  readonly signal: AbortSignal;
  /** Hears how many edits are there, and how many tokens were written so far. */
  readonly onEdit: (done: number, tokens: number) => void;
}

/** Makes every edit that is missing. Rejects with the signal's reason when it aborts. */
export async function makeEdits(request: EditsRequest): Promise<void> {
  const { folder, items, sampling, signal, onEdit } = request;
  makeFolders(join(folder, PICTURES_FOLDER));
  const lines = JsonLines.open(join(folder, EDITS_FILE), EditLine);
  const known = new Set(lines.entries.map((line) => editKey(line)));
  const size = Math.max(1, Math.floor(BATCH_ROWS / sampling.samples));
  let tokens = 0;
  const wanted = new Set<string>();
  for (const { id } of items) {
    for (const seed of sampling.seeds)
      for (const sample of samplesOf(sampling)) wanted.add(editKey({ id, seed, sample }));
  }
  let done = [...wanted].filter((key) => known.has(key)).length;
  const open = batchesOf(items, size).flatMap((batch) =>
    sampling.seeds
      .filter((seed) =>
        batch.items.some(({ id }) =>
          samplesOf(sampling).some((sample) => !known.has(editKey({ id, seed, sample }))),
        ),
      )
      .map((seed) => ({ ...batch, seed })),
  );
  // While one batch is written the next one's pictures are read and encoded.
  let next = open[0] === undefined ? undefined : prepared(request, open[0].items);
  for (const [at, batch] of open.entries()) {
    signal.throwIfAborted();
    const ready = await next!;
    const following = open[at + 1];
    next = following === undefined ? undefined : prepared(request, following.items);
    next?.catch(() => {});
    const before = tokens;
    await writeBatch(request, ready, batch, {
      isKnown: (key) => known.has(key),
      add: (line) => {
        lines.add(line);
        known.add(editKey(line));
        done += 1;
        onEdit(done, tokens);
      },
      onTokens: (written) => {
        tokens = before + written;
        onEdit(done, tokens);
      },
    });
  }
}

function samplesOf({ samples }: Pick<EditSampling, "samples">): number[] {
  return Array.from({ length: samples }, (_, sample) => sample);
}

interface Batch {
  /** Row of its first item among those wanted. */
  readonly start: number;
  readonly items: readonly InputItem[];
}

function batchesOf(items: readonly InputItem[], size: number): Batch[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => ({
    start: index * size,
    items: items.slice(index * size, (index + 1) * size),
  }));
}

interface ReadyEdit {
  readonly edit: MeasuredEdit;
  readonly prompt: Prompt;
  readonly targetCodes: CodeGrid | undefined;
}

/** Pictures decoded, resized and encoded in one call, and laid out as prompts. */
async function prepared(
  { inputs, policy, reading, sampling, comparesCodes }: EditsRequest,
  items: readonly InputItem[],
): Promise<ReadyEdit[]> {
  const { vision, config, imageArea } = policy;
  const edits = await Promise.all(items.map((item) => loadInput(inputs.folder, item)));
  const sized = edits.map((edit) => {
    const { width, height } = vision.fittingSize(
      edit.source.width,
      edit.source.height,
      reading.area ?? imageArea,
    );
    const read = vision.gridOf(width, height);
    const written = reading.grid ?? read;
    requireSequence(config, read.rows * read.columns + written.rows * written.columns);
    const target = comparesCodes && reading.grid === undefined ? edit.target : undefined;
    return {
      source: resize(edit.source, width, height),
      target: target === undefined ? undefined : resize(target, width, height),
    };
  });
  const pictures = sized.flatMap(({ source, target }): Picture[] => [
    source,
    ...(target === undefined ? [] : [target]),
  ]);
  const codes = await vision.encode(pictures);
  return edits.map((edit, index) => {
    const source = codes.shift()!;
    const targetCodes = sized[index]!.target === undefined ? undefined : codes.shift()!;
    const grid = reading.grid ?? { rows: source.rows, columns: source.columns };
    const prompt = editPrompt(policy, {
      source,
      grid,
      instruction: edit.instruction,
      writesThought: reading.thought,
      isGuided: (sampling.guidance ?? 1) !== 1,
    });
    return { edit, prompt, targetCodes };
  });
}

interface BatchSink {
  readonly isKnown: (key: string) => boolean;
  readonly add: (line: EditLine) => void;
  readonly onTokens: (written: number) => void;
}

async function writeBatch(
  request: EditsRequest,
  ready: readonly ReadyEdit[],
  { start, seed, items }: Batch & { readonly seed: number },
  sink: BatchSink,
): Promise<void> {
  const { engine, policy, sampling: settings, inputs, signal } = request;
  const { samples, seeds: _, maxTokens, ...drawing } = settings;
  const prompts = ready.map(({ prompt }) => prompt);
  const sampling: Sampling = {
    ...drawing,
    groupSize: samples,
    maxTokens: maxTokens ?? longestCompletion(policy.grammar, prompts),
  };
  const word = Rng.from(seed, "benchmark", inputs.about.name, start).word();
  const writing: Promise<void>[] = [];
  let groups = 0;
  for await (const group of engine.generate({
    prompts,
    sampling,
    seed: word,
    signal,
    onTokens: sink.onTokens,
  })) {
    const { [group.prompt]: one } = ready;
    const { [group.prompt]: item } = items;
    if (one === undefined || item === undefined) continue;
    groups += 1;
    const work = writeGroup(request, { one, item, seed, group }, sink);
    work.catch(() => {});
    writing.push(work);
  }
  await Promise.all(writing);
  if (groups !== items.length)
    throw new EngineError(`The engine completed ${groups} of ${items.length} groups.`);
}

interface WrittenGroup {
  readonly one: ReadyEdit;
  readonly item: InputItem;
  readonly seed: number;
  readonly group: CompletedGroup;
}

/** Pictures and lines of a group, those that are not there yet. */
async function writeGroup(
  { folder, policy }: EditsRequest,
  { one, item, seed, group }: WrittenGroup,
  sink: BatchSink,
): Promise<void> {
  const { tokens, vision } = policy;
  const missing = group.completions
    .map((completion, sample) => ({
      completion,
      sample,
      read: readCompletion(tokens, one.prompt, completion),
    }))
    .filter(({ sample }) => !sink.isKnown(editKey({ id: item.id, seed, sample })));
  const grids = missing.flatMap(({ read }) => (read.kind === "picture" ? [read.codes] : []));
  const pictures = grids.length === 0 ? [] : await vision.decode(grids);
  for (const { completion, sample, read } of missing) {
    const common = { id: item.id, seed, sample };
    const ids = { tokens: [...completion.ids] };
    if (read.kind === "unreadable") {
      sink.add({ ...common, edited: null, problem: read.problem, ...exactness(one, undefined), ...ids });
      continue;
    }
    const png = encodePng(pictures.shift()!);
    const edited = `${PICTURES_FOLDER}/${String(item.number).padStart(6, "0")}-${seed}-${sample}.png`;
    writeFileAtomically(join(folder, edited), png);
    sink.add({
      ...common,
      edited,
      sha256: createHash("sha256").update(png).digest("hex"),
      ...exactness(one, read.codes),
      ...(read.thought !== undefined && { thought: read.thought }),
      ...ids,
    });
  }
}

/** What holds no picture is no match. */
function exactness({ targetCodes }: ReadyEdit, codes: CodeGrid | undefined): Pick<EditLine, "isExact"> {
  if (targetCodes === undefined) return {};
  return { isExact: codes !== undefined && isSameGrid(codes, targetCodes) };
}
