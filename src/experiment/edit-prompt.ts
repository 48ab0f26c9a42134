/** A picture of any size and an instruction as the prompt of a policy: what `earl edit` and the playground ask with. */

import { DataError } from "../errors.ts";
import type { Picture } from "../images/picture.ts";
import { resize } from "../images/resize.ts";
import { requireSequence } from "../policy/sequence-fit.ts";
import type { Prompt } from "../tokens/prompt.ts";
import { guidedPromptOf, promptOf } from "../tokens/sequence.ts";
import type { CodeGrid, GridSize } from "../tokens/vision-tokenizer.ts";
import type { OpenPolicy } from "./open-policy.ts";

export interface ReadSource {
  /** As the policy sees it. */
  readonly resized: Picture;
  readonly codes: CodeGrid;
}

/**
 * The source at the size that the policy was made for, or at `area` pixels. `grid` is what will be written, where it is
 * not what was read. Throws ConfigError where the codes read and written alone are more than a sequence can have.
 */
export async function readSource(
  { config, vision, imageArea }: OpenPolicy,
  source: Picture,
  { area, grid }: { readonly area?: number | undefined; readonly grid?: GridSize | undefined } = {},
): Promise<ReadSource> {
  const { width, height } = vision.fittingSize(source.width, source.height, area ?? imageArea);
  const read = vision.gridOf(width, height);
  const written = grid ?? read;
  requireSequence(config, read.rows * read.columns + written.rows * written.columns);
  const resized = resize(source, width, height);
  const [codes] = await vision.encode([resized]);
  if (codes === undefined) throw new DataError("The picture could not be encoded.");
  return { resized, codes };
}

export interface EditPrompt {
  readonly source: CodeGrid;
  readonly grid: GridSize;
  readonly instruction: string;
  /** Whether a thought is written before the picture. */
  readonly writesThought?: boolean;
  /** Whether the prompt without its instruction comes along. */
  readonly isGuided?: boolean;
}

export function editPrompt(
  { tokens }: Pick<OpenPolicy, "tokens">,
  { source, grid, instruction, writesThought = false, isGuided = false }: EditPrompt,
): Prompt {
  const writes = writesThought ? "thought" : "image";
  const parts = { source, instruction, writes, grid } as const;
  return isGuided ? guidedPromptOf(tokens, parts) : promptOf(tokens, parts);
}
