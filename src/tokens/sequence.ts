/**
 * Emu3's layout of an edit: bos, source picture, instruction, then what the policy writes (an optional thought, the
 * edited picture, eos). Nothing separates the parts but the pictures' own tokens. What a person wrote is encoded
 * without control tokens, part by part, so no text can pass for a picture.
 */

import { DataError } from "../errors.ts";
import type { Prompt } from "./prompt.ts";
import type { TextTokenizer } from "./text-tokenizer.ts";
import type { CodeGrid, GridSize } from "./vision-tokenizer.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What turns words and code grids into ids. */
export interface Tokens {
  readonly vocabulary: Vocabulary;
  readonly textTokenizer: TextTokenizer;
}

/** EARL's prefill of a thought; `<|start thinking|>` is ordinary text, Emu3 has no id left for it. */
export const THOUGHT_START = " Let's think step by step. <|start thinking|>";
export const THOUGHT_END = "<|end thinking|>";
/** A thought is cut after this many characters, as EARL's dataset does. */
export const LONGEST_THOUGHT = 1750;
export const LONGEST_INSTRUCTION = 2000;

/**
 * Positions for a policy that edits pictures of these grids, as its config.json promises them: two of the largest, the
 * longest instruction and the longest thought of ASCII without a merge, rounded up to a power of two.
 */
export function freshPositions(grids: readonly GridSize[]): number {
  // Each row is closed by eol.
  const picture = grids.reduce((most, { rows, columns }) => Math.max(most, rows * (columns + 1)), 0);
  const framing = 128;
  return 2 ** Math.ceil(Math.log2(2 * picture + LONGEST_INSTRUCTION + LONGEST_THOUGHT + framing));
}

/** The ids of the text that stands between boi and img: "rows*columns". */
export function gridTextIds(textTokenizer: TextTokenizer, { rows, columns }: GridSize): number[] {
  return textTokenizer.encodeTemplate(`${rows}*${columns}`);
}

/**
 * A picture: boi, "rows*columns", img, each row closed by eol, eof, eoi. Throws DataError for codes that do not fill
 * the grid or lie outside the codebook.
 */
export function imageIds(vocabulary: Vocabulary, textTokenizer: TextTokenizer, grid: CodeGrid): number[] {
  const { rows, columns, codes } = grid;
  if (rows < 1 || columns < 1 || codes.length !== rows * columns) {
    throw new DataError(`A code grid of ${rows} × ${columns} cannot have ${codes.length} codes.`);
  }
  const ids = [vocabulary.boi, ...gridTextIds(textTokenizer, grid), vocabulary.img];
  for (const [cell, code] of codes.entries()) {
    if (code < 0 || code >= vocabulary.codebookSize) {
      throw new DataError(`Code ${code} is outside the codebook of ${vocabulary.codebookSize}.`, {
        hint: "Use the vision tokenizer that was saved with the checkpoint.",
      });
    }
    ids.push(vocabulary.imageTokenOffset + code);
    if ((cell + 1) % columns === 0) ids.push(vocabulary.eol);
  }
  ids.push(vocabulary.eof, vocabulary.eoi);
  return ids;
}

export interface PromptParts {
  readonly source: CodeGrid;
  readonly instruction: string;
  /** Grid of the picture to be written; the source's unless given. */
  readonly grid?: GridSize;
  readonly writes: "image" | "thought";
  /** Longest instruction, in characters. */
  readonly longestInstruction?: number;
}

/**
 * What the policy is given in rollouts: bos, source, instruction, and the prefill that its completion goes on from
 * (boi, or the start of a thought). Throws DataError for an instruction that is empty or too long.
 */
export function promptOf(tokens: Tokens, parts: PromptParts): Prompt {
  const { rows, columns } = parts.grid ?? parts.source;
  return {
    ids: Int32Array.from([...questionIds(tokens, parts), ...prefillIds(tokens, parts.writes)]),
    grid: { rows, columns },
    writes: parts.writes,
  };
}

/**
 * `promptOf` with what guidance compares it to: the same without the words of the instruction. A policy that fills
 * instructions up to one length sees filling alone there, so its picture stands where it always does.
 */
export function guidedPromptOf(tokens: Tokens, parts: PromptParts): Prompt {
  const { vocabulary, textTokenizer } = tokens;
  const idsWithoutInstruction = Int32Array.from([
    vocabulary.bos,
    ...imageIds(vocabulary, textTokenizer, parts.source),
    ...instructionIds(vocabulary, textTokenizer, ""),
    ...prefillIds(tokens, parts.writes),
  ]);
  return { ...promptOf(tokens, parts), idsWithoutInstruction };
}

/** bos, source picture, instruction: the prompt of EARL's supervised examples, without a prefill. */
export function questionIds(
  { vocabulary, textTokenizer }: Tokens,
  { source, instruction, longestInstruction = LONGEST_INSTRUCTION }: Omit<PromptParts, "grid" | "writes">,
): number[] {
  if (instruction.trim() === "") {
    throw new DataError("The instruction is empty.", { hint: "Say in words what should change." });
  }
  if (instruction.length > longestInstruction) {
    throw new DataError(
      `The instruction has ${instruction.length} characters; at most ${longestInstruction} are taken.`,
      { hint: "Shorten the instruction." },
    );
  }
  return [
    vocabulary.bos,
    ...imageIds(vocabulary, textTokenizer, source),
    ...instructionIds(vocabulary, textTokenizer, instruction),
  ];
}

function instructionIds(vocabulary: Vocabulary, textTokenizer: TextTokenizer, instruction: string): number[] {
  const ids = textTokenizer.encode(instruction);
  const missing = Math.max(0, (textTokenizer.instructionLength ?? 0) - ids.length);
  return [...ids, ...Array.from({ length: missing }, () => vocabulary.pad)];
}

export interface CompletionParts {
  readonly target: CodeGrid;
  /** Absent or blank: the picture is written at once. */
  readonly thought?: string | undefined;
}

/**
 * All that follows the instruction in EARL's supervised examples: with a thought its start, text and end; then the
 * picture and eos. After `questionIds` this is the whole sequence.
 */
export function completionOf(tokens: Tokens, parts: CompletionParts): Int32Array {
  return Int32Array.from([...prefillIds(tokens, writesOf(parts)), ...afterPrefill(tokens, parts)]);
}

export interface EditParts extends CompletionParts {
  readonly source: CodeGrid;
  readonly instruction: string;
  readonly longestInstruction?: number;
}

/** A supervised example split where generation splits it: the prefill belongs to the prompt, the completion follows. */
export function trainingPair(tokens: Tokens, parts: EditParts): { prompt: Prompt; completion: Int32Array } {
  const prompt = promptOf(tokens, { ...parts, grid: parts.target, writes: writesOf(parts) });
  return { prompt, completion: Int32Array.from(afterPrefill(tokens, parts)) };
}

/**
 * The thought of a dataset row that keeps it in named parts: "key: text" for each key it has, joined by a space.
 * Empty where it has none.
 */
export function thoughtText(parts: Readonly<Record<string, string>>, keys: readonly string[]): string {
  const present = keys.filter((key) => Object.hasOwn(parts, key));
  return present.map((key) => `${key}: ${(parts[key] as string).trim()}`).join(" ");
}

function writesOf({ thought }: CompletionParts): Prompt["writes"] {
  return thought === undefined || thought.trim() === "" ? "image" : "thought";
}

function prefillIds({ vocabulary, textTokenizer }: Tokens, writes: Prompt["writes"]): number[] {
  return writes === "image" ? [vocabulary.boi] : textTokenizer.encode(THOUGHT_START);
}

function afterPrefill(tokens: Tokens, parts: CompletionParts): number[] {
  const { vocabulary, textTokenizer } = tokens;
  const image = imageIds(vocabulary, textTokenizer, parts.target);
  if (writesOf(parts) === "image") return [...image.slice(1), vocabulary.eos];
  // Characters as Python counts them: code points.
  const thought = Array.from(parts.thought as string)
    .slice(0, LONGEST_THOUGHT)
    .join("");
  return [...textTokenizer.encode(` ${thought}${THOUGHT_END}`), ...image, vocabulary.eos];
}
