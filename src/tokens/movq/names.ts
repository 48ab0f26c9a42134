/**
 * Stored tensors by the names of Emu3's own code. transformers keeps the same weights under other names: stages inside
 * `down_block` and `up_block`, attention as `q_proj` … `out_proj` with its norm beside it, all of it under `vqmodel.`
 * (the files on the hub) or `model.vqmodel.` (its own attributes) where a language model lies in the same files.
 */

const NESTED = /^(?:model\.)?vqmodel\./;

const RENAMES: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/\.(?:down|up)_block\./, "."],
  [/\.middle_block\./, ".mid."],
  [/\.attn_norms\.(\d+)\./, ".attn.$1.norm."],
  [/\.mid\.attn_norm\./, ".mid.attn_1.norm."],
  [/\.([qkv])_proj\./, ".$1."],
  [/\.out_proj\./, ".proj_out."],
];

/** A counter of training steps that batch norm stores and inference does not read. */
const COUNTER = /\.num_batches_tracked$/;

/** The name in Emu3's own code; undefined for a tensor that is no weight of the vision tokenizer. */
export function movqName(stored: string, isNested: boolean): string | undefined {
  if (COUNTER.test(stored) || (isNested && !NESTED.test(stored))) return undefined;
  const bare = stored.replace(NESTED, "");
  return RENAMES.reduce((name, [pattern, replacement]) => name.replace(pattern, replacement), bare);
}
