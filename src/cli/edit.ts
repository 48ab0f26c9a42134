/** `earl edit IMAGE "instruction"`: lets a checkpoint edit one picture, in several tries. */

import { existsSync } from "node:fs";
import { join } from "node:path";

import type { EngineHost } from "../engine/engine-host.ts";
import { EngineSettings, openEngineHost } from "../engine/open-engine-host.ts";
import { OptimizerSettings } from "../engine/optimizer-settings.ts";
import type { Completion, Sampling } from "../engine/policy-engine.ts";
import { DataError } from "../errors.ts";
import { editPrompt, readSource } from "../experiment/edit-prompt.ts";
import { fetchProgress, HubNames, localTokenizers } from "../experiment/hub-names.ts";
import { openEngine } from "../experiment/open-engine.ts";
import { unaskedWriting } from "../experiment/taught-writing.ts";
import { openPolicy } from "../experiment/open-policy.ts";
import type { OpenPolicy } from "../experiment/open-policy.ts";
import { decodePicture } from "../images/codec.ts";
import { readPictureFile } from "../images/picture-file.ts";
import { positionsNotice } from "../policy/sequence-fit.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { resolveCheckpoint } from "../runs/checkpoint.ts";
import { requireWritableFolder } from "../runs/writable-place.ts";
import { longestCompletion } from "../tokens/completion-length.ts";
import type { Prompt } from "../tokens/prompt.ts";
import type { GridSize } from "../tokens/vision-tokenizer.ts";
import { required } from "./arguments.ts";
import { readEdits, tell, writePictures } from "./edit-files.ts";
import { editJson } from "./edit-record.ts";
import { locateRun } from "./locate-run.ts";
import { EDIT_FILE, ownPictures, refuseForeignEdits } from "./own-output.ts";
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

interface Request {
  readonly image: string;
  readonly instruction: string;
}

export async function edit(request: Request, flags: EditFlags, surroundings: Surroundings): Promise<void> {
  const out = required(flags.out, "--out DIR");
  requireWritableFolder(out);
  refuseForeignEdits(out, flags.n);
  const before = ownPictures(out);
  const named = required(flags.checkpoint, "--checkpoint DIR");
  const names = new HubNames({ onProgress: fetchProgress(progressOn(surroundings)) });
  const checkpoint = resolveCheckpoint(await names.checkpoint(locateRun(named)));
  const bytes = await readPictureFile(request.image);

  const source = await decodePicture(bytes, request.image);
  await using host = await openEngineHost(EngineSettings.parse({ device: flags.device }));
  const policy = await openPolicy(host, checkpoint, { ...flags, ...(await localTokenizers(flags, names)) });
  const progress = progressOn(surroundings);
  for (const notice of unaskedWriting(checkpoint, flags)) progress.say(notice);
  progress.start("Read the picture", 0);
  const { resized, codes } = await readSource(policy, source, flags);
  // Emu3's encoder would take a gigabyte beside the language model: it is opened again when there are pictures to decode.
  await policy.vision[Symbol.asyncDispose]();
  const grid = flags.grid ?? { rows: codes.rows, columns: codes.columns };
  const prompt = editPrompt(policy, {
    source: codes,
    grid,
    instruction: request.instruction,
    writesThought: flags.thought === true,
    isGuided: flags.guidance !== 1,
  });
  const { n: groupSize, temperature, topK, topP, guidance, seed } = flags;
  const maxTokens = longestCompletion(policy.grammar, [prompt]);
  const sampling = { groupSize, temperature, topK, topP, guidance, maxTokens };
  progress.say(
    `${request.image}: ${sizeOf(source)} pixels, read at ${sizeOf(resized)} as ${codes.rows} × ${codes.columns} codes`,
  );
  const notices = [
    policy.tokens.textTokenizer.notice,
    positionsNotice(policy.config, prompt.ids.length + maxTokens),
  ];
  for (const notice of notices) if (notice !== undefined) progress.say(notice);

  const completions = await generate(host, policy, {
    prompt,
    sampling,
    flags,
    progress,
    clock: surroundings.clock,
  });
  progress.start("Pictures", completions.length);
  const vision = await host.openVision(policy.visionDirectory ?? checkpoint);
  const reader = { tokens: policy.tokens, vision, prompt };
  const edits = await readEdits(reader, completions, (done) => progress.advance(done));
  progress.clear();
  const files = writePictures(out, source, edits);
  const [first] = files.pictures;
  const written = new Set(edits.flatMap(({ outcome }) => ("file" in outcome ? [outcome.file] : [])));
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
    earlier: before.filter((name) => !written.has(name) && existsSync(join(out, name))),
  };
  const recordFile = join(out, EDIT_FILE);
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

interface Writing {
  readonly prompt: Prompt;
  readonly sampling: Sampling;
  readonly flags: EditFlags;
  readonly progress: Progress;
  readonly clock: Surroundings["clock"];
}

/** The completions, in their order. The time left is that of the longest thought, where one is written. */
async function generate(
  host: EngineHost,
  policy: OpenPolicy,
  { prompt, sampling, flags, progress, clock }: Writing,
): Promise<Completion[]> {
  const purpose = { optimizer: OptimizerSettings.parse({}), purpose: "inference" } as const;
  await using engine = await openEngine(host, policy, { ...purpose, onLoad: followLoad(progress) });
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
