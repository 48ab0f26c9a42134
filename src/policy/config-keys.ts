/**
 * What earl makes of each key of a Hugging Face config.json: sizes are read (config-file.ts), the keys below must
 * have the one value that Emu3's maths assumes, and a known list has no influence on the forward pass. Any other key
 * is refused, because it might.
 */

import type { PolicyConfig } from "./config.ts";

/** Keys that would change the maths, with the values under which they do not. */
export const FIXED_KEYS: Readonly<Record<string, readonly unknown[]>> = {
  hidden_act: ["silu", "swish"],
  attention_bias: [false, null],
  mlp_bias: [false, null],
  partial_rotary_factor: [1, null],
  sliding_window: [null],
  use_sliding_window: [false, null],
  quantization_config: [null],
  is_encoder_decoder: [false, null],
  add_cross_attention: [false, null],
};

/** Keys that say nothing about the forward pass: training, generation, tokenizer, book-keeping. */
const HARMLESS_KEYS = `
  _attn_implementation _attn_implementation_autoset _name_or_path architectures attention_dropout attn_implementation
  auto_map begin_suppress_tokens bad_words_ids base_config_key boi_token_id chunk_size_feed_forward
  cross_attention_hidden_size decoder_start_token_id diversity_penalty do_sample dtype early_stopping
  encoder_no_repeat_ngram_size eof_token_id eoi_token_id eol_token_id exponential_decay_length_penalty
  finetuning_task forced_bos_token_id forced_eos_token_id gradient_checkpointing id2label image_area image_token_id
  img_token_id is_decoder keys_to_ignore_at_inference label2id length_penalty max_length min_length
  no_repeat_ngram_size num_beam_groups num_beams num_return_sequences output_attentions output_hidden_states
  output_scores pretraining_tp prefix problem_type pruned_heads remove_invalid_values repetition_penalty
  return_dict return_dict_in_generate sep_token_id suppress_tokens task_specific_params temperature
  tf_legacy_loss tie_encoder_decoder tokenizer_class top_k top_p torch_dtype torchscript transformers_version
  typical_p unsloth_version use_bfloat16 use_cache
`;

/** Beside the text model of an `Emu3ForConditionalGeneration`; `vq_config` describes the vision tokenizer. */
const NESTING_KEYS = ["text_config", "vq_config", "vocabulary_map", "tie_word_embeddings"];

export const harmlessKeys: ReadonlySet<string> = new Set(HARMLESS_KEYS.trim().split(/\s+/));
export const nestingKeys: ReadonlySet<string> = new Set(NESTING_KEYS);

/** What transformers takes for a key that the file leaves out. Sizes are left out only in a nested text_config. */
export const CLASS_DEFAULTS = {
  emu3: {
    bos_token_id: 151_849,
    eos_token_id: 151_850,
    pad_token_id: 151_643,
    rms_norm_eps: 1e-5,
    rope_theta: 1_000_000,
    max_position_embeddings: 9216,
    num_key_value_heads: 8,
  },
  llama: {
    bos_token_id: 1,
    eos_token_id: 2,
    pad_token_id: null,
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    max_position_embeddings: 2048,
    num_key_value_heads: null,
  },
} as const satisfies Record<PolicyConfig["family"], Record<string, number | null>>;

/** Sizes of the class Emu3TextConfig, which a nested text_config may leave out. */
export const EMU3_SIZES = {
  vocab_size: 184_622,
  hidden_size: 4096,
  intermediate_size: 14_336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
} as const;
