/**
 * The surface forms of Emu3's control and image tokens, and the vocabulary that a tokenizer gives them. A small policy
 * uses the same forms at its own ids, so whatever reads Emu3's templates reads its too.
 */

import { CheckpointError } from "../errors.ts";
import type { BytePairTokenizer } from "./byte-pair-tokenizer.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Role to surface form, in the order of the ids (reference: tokenization_emu3.py of baaivision/Emu3). */
export const CONTROL_TOKENS = {
  pad: "<|endoftext|>",
  eol: "<|extra_200|>",
  eof: "<|extra_201|>",
  bos: "<|extra_203|>",
  eos: "<|extra_204|>",
  img: "<|image token|>",
  boi: "<|image start|>",
  eoi: "<|image end|>",
} as const;

/** The surface form of a code: `<|visual token 000123|>`. */
export function visualToken(code: number): string {
  return `<|visual token ${String(code).padStart(6, "0")}|>`;
}

/** Control tokens from `firstId` on, then one token a code: surface form to id. */
export function specialTokensFrom(firstId: number, codebookSize: number): Map<string, number> {
  const forms: string[] = Object.values(CONTROL_TOKENS);
  for (let code = 0; code < codebookSize; code += 1) forms.push(visualToken(code));
  return new Map(forms.map((form, index) => [form, firstId + index]));
}

/** The ids of the roles. Throws CheckpointError for a missing role or visual tokens that are not one range. */
export function vocabularyOf(tokenizer: BytePairTokenizer): Vocabulary {
  const idOf = (form: string): number => {
    const id = tokenizer.specialTokens.get(form);
    if (id !== undefined) return id;
    throw new CheckpointError(`The text tokenizer has no token ${form}.`, {
      hint: "Use the tokenizer files that came with the checkpoint.",
    });
  };
  const roles = Object.fromEntries(Object.entries(CONTROL_TOKENS).map(([role, form]) => [role, idOf(form)]));
  const imageTokenOffset = idOf(visualToken(0));
  let codebookSize = 0;
  while (tokenizer.specialTokens.get(visualToken(codebookSize)) === imageTokenOffset + codebookSize) {
    codebookSize += 1;
  }
  const visualTokens = [...tokenizer.specialTokens.keys()].filter((form) =>
    form.startsWith("<|visual token "),
  );
  if (visualTokens.length !== codebookSize) {
    throw new CheckpointError(
      `Visual tokens must have consecutive ids; ${visualToken(codebookSize)} does not follow the one before it.`,
      { hint: "Use the tokenizer files that came with the checkpoint." },
    );
  }
  return {
    ...(roles as Record<keyof typeof CONTROL_TOKENS, number>),
    size: tokenizer.size,
    imageTokenOffset,
    codebookSize,
  };
}
