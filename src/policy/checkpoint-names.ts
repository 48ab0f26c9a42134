/**
 * Weights under other names than those of a plain text model. transformers stores the language model of
 * `Emu3ForConditionalGeneration` as `text_model.model.…` and `text_model.lm_head.…` (the files on the hub) or
 * `model.text_model.…` and `lm_head.…` (its own attributes); other picture-and-text models say `language_model`.
 */

const TEXT_MODEL =
  /^(?:model\.)?(?:text_model|language_model)\.(?:model\.)?(?=(?:embed_tokens|layers|norm)\.)/;
const TEXT_HEAD = /^(?:model\.)?(?:text_model|language_model)\.(?=lm_head\.)/;
const VISION = /^(?:model\.)?(?:vqmodel|vision_tokenizer)\./;
/** A table that old LLaMA checkpoints carry along; it follows from the base. */
const ROTARY_TABLE = /\.rotary_emb\.inv_freq$/;

export type PlacedName =
  | { readonly kind: "parameter"; readonly name: string }
  /** No weight of the language model; left alone. */
  | { readonly kind: "skipped" };

/** What a stored tensor is to a text model: one of its parameters by plain name, or none of its business. */
export function plainName(stored: string): PlacedName {
  if (VISION.test(stored) || ROTARY_TABLE.test(stored)) return { kind: "skipped" };
  return { kind: "parameter", name: stored.replace(TEXT_MODEL, "model.").replace(TEXT_HEAD, "") };
}
