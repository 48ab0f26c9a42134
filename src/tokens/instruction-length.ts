/**
 * How long instructions are filled up, as a checkpoint carries it: a key of ours in tokenizer_config.json, which
 * transformers keeps when it saves a tokenizer. The `padding` of tokenizer.json says something else: how the last
 * padded call of transformers was.
 */

import { z } from "zod";
import { CheckpointError } from "../errors.ts";

export const TOKENIZER_CONFIG_FILE = "tokenizer_config.json";
const KEY = "earl_instruction_length";
/** Bytes of the longest instruction, and then some. */
const MOST = 8192;

const Carrier = z.object({ [KEY]: z.int().min(1).max(MOST).nullish() });

/** All keys that earl wrote before it had one for the length, which was then the `padding` of tokenizer.json. */
const FORMER_KEYS = "bos_token clean_up_tokenization_spaces eos_token pad_token tokenizer_class";
const FormerPadding = z.object({
  padding: z.object({
    strategy: z.object({ Fixed: z.int().min(1).max(MOST) }),
    direction: z.literal("Right"),
  }),
});

export interface InstructionLength {
  /** In ids; undefined where instructions are taken as they come. */
  readonly length: number | undefined;
  /** True where neither a length is given nor that there is none. */
  readonly isUnknown: boolean;
}

/** What tokenizer_config.json of a tokenizer with this length says, `earl_instruction_length` included. */
export function withInstructionLength(
  config: Readonly<Record<string, unknown>>,
  length: number | undefined,
): Record<string, unknown> {
  return { ...config, [KEY]: length ?? null };
}

/**
 * The length that a tokenizer was saved with. `config` is the content of tokenizer_config.json where there is one,
 * `tokenizer` the parsed tokenizer.json. Throws CheckpointError for a file that is no JSON, or a length that is none.
 */
export function instructionLengthIn(config: Uint8Array | undefined, tokenizer: unknown): InstructionLength {
  if (config === undefined) return { length: undefined, isUnknown: true };
  const keys = keysOf(config);
  const carried = Carrier.safeParse(keys);
  if (!carried.success) {
    throw new CheckpointError(`${TOKENIZER_CONFIG_FILE}: ${z.prettifyError(carried.error)}`, {
      hint: "Copy the file again from the checkpoint.",
    });
  }
  const length = carried.data[KEY];
  if (length !== undefined) return { length: length ?? undefined, isUnknown: false };
  // transformers adds keys when it saves, so a file with these alone was written by earl, and the padding, too.
  if (Object.keys(keys).toSorted().join(" ") !== FORMER_KEYS) return { length: undefined, isUnknown: true };
  const former = FormerPadding.safeParse(tokenizer).data?.padding.strategy.Fixed;
  return { length: former, isUnknown: false };
}

/** What a reader should know where a policy of earl's lost the key. */
export const LENGTH_IS_LOST = `${TOKENIZER_CONFIG_FILE} does not say how long instructions are filled up (${KEY}), so they are taken as they come: a policy that was trained otherwise draws worse. Copy the file from the checkpoint that earl saved.`;

function keysOf(config: Uint8Array): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(Buffer.from(config).toString("utf8")));
  } catch (cause) {
    throw new CheckpointError(`${TOKENIZER_CONFIG_FILE} is not a JSON object.`, {
      hint: "Copy the file again from the checkpoint.",
      cause,
    });
  }
}
