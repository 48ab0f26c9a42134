/** `earl edit IMAGE "instruction"`: lets a checkpoint edit one picture, in several tries. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { EngineSettings } from "../engine/engines.ts";
import { OptimizerSettings } from "../engine/optimizer-settings.ts";
import type { Completion, Sampling } from "../engine/policy-engine.ts";
import { DataError } from "../errors.ts";
import { openEngine, openPolicy } from "../experiment/policy-start.ts";
import type { PolicyStart } from "../experiment/policy-start.ts";
import { decodePicture } from "../images/codec.ts";
import type { Picture } from "../images/picture.ts";
import { resize } from "../images/resize.ts";
import { positionsNotice, requireSequence } from "../policy/sequence-fit.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { resolveCheckpoint } from "../runs/checkpoint.ts";
import type { Prompt } from "../tokens/prompt.ts";
import { guidedPromptOf, imageIds, promptOf } from "../tokens/sequence.ts";
import type { CodeGrid, GridSize } from "../tokens/vision-tokenizer.ts";
import { required } from "./arguments.ts";
import { readEdits, tell, writePictures } from "./edit-files.ts";
import { editJson } from "./edit-record.ts";
import { locateRun } from "./locate-run.ts";
import type { Progress } from "./progress.ts";
import { followLoad } from "./run-progress.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface EditFlags {
  readonly checkpoint?: string;
  readonly visionTokenizer?: string;
  readonly tokenizer?: string;
  readonly n: number;
  readonly seed: number;
  readonly device?: string;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly guidance: number;
  readonly thought?: true;
  readonly freeGridText?: true;
  readonly area?: number;
  readonly grid?: GridSize;
  readonly out?: string;
}

/** Longest thought, in tokens. */
const THOUGHT_TOKENS = 1024;
/** What a grid's text may have beyond its usual length, where the policy writes it. */
const GRID_TEXT_TOKENS = 16;

interface Request {
  readonly image: string;
  readonly instruction: string;
}

export async function edit(request: Request, flags: EditFlags, surroundings: Surroundings): Promise<void> {
  const out = required(flags.out, "--out DIR");
  const checkpoint = resolveCheckpoint(locateRun(required(flags.checkpoint, "--checkpoint DIR")));
  const bytes = readPicture(request.image);

  const source = await decodePicture(bytes, request.image);
  const policy = await openPolicy(checkpoint, flags);
  const progress = progressOn(surroundings);
  progress.start("Read the picture", 0);
  const { resized, codes } = await readSource(source, policy, flags.area ?? policy.imageArea);
  // Emu3's encoder would take a gigabyte beside the language model.
  await policy.vision.release();
  const grid = flags.grid ?? { rows: codes.rows, columns: codes.columns };
  requireSequence(policy.config, codes.rows * codes.columns + grid.rows * grid.columns);
  const prompt = await makePrompt(policy, { codes, grid, instruction: request.instruction }, flags);
  const { n: groupSize, temperature, topK, topP, guidance, seed } = flags;
  const maxTokens = await longestCompletion(policy, prompt, flags);
  const sampling = { groupSize, temperature, topK, topP, guidance, maxTokens };
  progress.say(
    `${request.image}: ${sizeOf(source)} pixels, read at ${sizeOf(resized)} as ${codes.rows} × ${codes.columns} codes`,
  );
  const notices = [
    policy.tokens.textTokenizer.notice,
    positionsNotice(policy.config, prompt.ids.length + maxTokens),
  ];
  for (const notice of notices) if (notice !== undefined) progress.say(notice);

  const completions = await generate(policy, prompt, {
    sampling,
    flags,
    progress,
    clock: surroundings.clock,
  });
  progress.start("Pictures", completions.length);
  const edits = await readEdits(policy, prompt, completions, (done) => progress.advance(done));
  progress.clear();
  const files = writePictures(out, source, edits);
  const [first] = files.pictures;
  const record = {
    checkpoint,
    instruction: request.instruction,
    source: { file: request.image, width: source.width, height: source.height },
    readAt: {
      width: resized.width,
      height: resized.height,
      grid: { rows: codes.rows, columns: codes.columns },
    },
    grid,
    picture: first === undefined ? undefined : { width: first.width, height: first.height },
    seed,
    sampling,
    edits,
  };
  const recordFile = join(out, "edit.json");
  writeFileAtomically(recordFile, editJson(record));
  tell(edits, [...files.paths, recordFile], surroundings);
  if (first === undefined) {
    throw new DataError(`None of the tries gave a picture; ${recordFile} says why.`, {
      hint: "Use a checkpoint that was trained longer, or a lower --temperature.",
    });
  }
  surroundings.stderr.write(`Pictures of ${sizeOf(first)} pixels.\n`);
}

const sizeOf = ({ width, height }: { width: number; height: number }): string => `${width} × ${height}`;

interface ReadSource {
  readonly resized: Picture;
  readonly codes: CodeGrid;
}

async function readSource(
  source: Picture,
  { vision }: PolicyStart,
  area: number | undefined,
): Promise<ReadSource> {
  const { width, height } = vision.fittingSize(source.width, source.height, area);
  const resized = resize(source, width, height);
  const [codes] = await vision.encode([resized]);
  if (codes === undefined) throw new DataError("The picture could not be encoded.");
  return { resized, codes };
}

interface PromptSource {
  readonly codes: CodeGrid;
  readonly grid: GridSize;
  readonly instruction: string;
}

async function makePrompt(
  { tokens }: PolicyStart,
  { codes: source, grid, instruction }: PromptSource,
  flags: EditFlags,
): Promise<Prompt> {
  const writes = flags.thought === true ? "thought" : "image";
  const parts = { source, instruction, writes, grid } as const;
  return flags.guidance === 1 ? promptOf(tokens, parts) : guidedPromptOf(tokens, parts);
}

/** Ids of a picture of the prompt's grid, after the longest thought and grid text where they are written. */
async function longestCompletion(
  { tokens }: PolicyStart,
  { grid, writes }: Prompt,
  { freeGridText }: EditFlags,
): Promise<number> {
  const codes = new Int32Array(grid.rows * grid.columns);
  const picture = imageIds(tokens.vocabulary, tokens.textTokenizer, { ...grid, codes }).length;
  // eos follows the picture; boi is the last of the prompt, or ends the thought.
  const thought = writes === "thought" ? THOUGHT_TOKENS + 1 : 0;
  return thought + (freeGridText === true ? GRID_TEXT_TOKENS : 0) + picture;
}

interface Writing {
  readonly sampling: Sampling;
  readonly flags: EditFlags;
  readonly progress: Progress;
  readonly clock: Surroundings["clock"];
}

/** The completions, in their order. The time left is that of the longest thought, where one is written. */
async function generate(
  policy: PolicyStart,
  prompt: Prompt,
  { sampling, flags, progress, clock }: Writing,
): Promise<Completion[]> {
  const settings = {
    engine: EngineSettings.parse({ device: flags.device }),
    optimizer: OptimizerSettings.parse({}),
  };
  const onLoad = followLoad(progress);
  await using engine = await openEngine(policy, settings, { purpose: "inference", onLoad });
  const completions: Completion[] = [];
  const begun = clock.seconds();
  const total = sampling.groupSize * sampling.maxTokens;
  progress.start("Edit", total);
  let tokens = 0;
  const onTokens = (written: number): void => {
    tokens = written;
    progress.advance(written, "tokens");
  };
  for await (const group of engine.generate({ prompts: [prompt], sampling, seed: flags.seed, onTokens }))
    completions.push(...group.completions);
  const rate = tokens / Math.max(clock.seconds() - begun, 1e-3);
  progress.finish(`${tokens} tokens, ${rate.toFixed(1)} tokens/s`);
  return completions;
}

function readPicture(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new DataError(`Cannot read the picture ${path}.`, { hint: "Check the path.", cause });
  }
}
