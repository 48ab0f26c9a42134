/**
 * CLIP's text tokenizer, read from `tokenizer.json`: lower-cased words, bytes of each merged pair by pair, a mark at
 * the end of a word, and a token before and after the whole.
 */

import { join } from "node:path";
import { z } from "zod";

import { CheckpointError } from "../errors.ts";
import { readJsonFile } from "../policy/published-file.ts";
import { bytesOf, spell } from "../tokens/byte-alphabet.ts";

/** As it stands in the file. */
const PATTERN = String.raw`<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`;
/** Older files leave out the two tokens, which are taken out of a text before. */
const OLDER_PATTERN = PATTERN.slice(String.raw`<\|startoftext\|>|<\|endoftext\|>|`.length);
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu;
const SPACES = /\p{White_Space}+/gu;

/** Joins the sides of a pair in a key; no letter of the byte alphabet, so it occurs in neither. */
const BETWEEN = "\n";

const id = z.int().min(0).max(10_000_000);
const token = z.tuple([z.string().min(1), id]);
const ClipFile = z.looseObject({
  added_tokens: z.array(z.looseObject({ id, content: z.string().min(1) })).default([]),
  normalizer: z.looseObject({
    type: z.literal("Sequence"),
    normalizers: z.tuple([
      z.looseObject({ type: z.literal("NFC") }),
      z.looseObject({
        type: z.literal("Replace"),
        pattern: z.looseObject({ Regex: z.literal(String.raw`\s+`) }),
        content: z.literal(" "),
      }),
      z.looseObject({ type: z.literal("Lowercase") }),
    ]),
  }),
  pre_tokenizer: z.looseObject({
    type: z.literal("Sequence"),
    pretokenizers: z.tuple([
      z.looseObject({
        type: z.literal("Split"),
        pattern: z.looseObject({ Regex: z.enum([PATTERN, OLDER_PATTERN]) }),
        behavior: z.literal("Removed"),
        invert: z.literal(true),
      }),
      z.looseObject({ type: z.literal("ByteLevel"), add_prefix_space: z.literal(false) }),
    ]),
  }),
  post_processor: z.looseObject({ type: z.literal("RobertaProcessing"), cls: token, sep: token }),
  model: z.looseObject({
    type: z.literal("BPE"),
    unk_token: z.string().nullable().default(null),
    end_of_word_suffix: z.string(),
    vocab: z.record(z.string(), id),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
  }),
});

export class ClipTokenizer {
  readonly #idOf: ReadonlyMap<string, number>;
  readonly #rankOf: ReadonlyMap<string, number>;
  readonly #added: ReadonlyMap<string, number>;
  readonly #addedPattern: RegExp | undefined;
  readonly #suffix: string;
  readonly #unknown: number | undefined;
  readonly #start: number;
  readonly #end: number;
  readonly #words = new Map<string, readonly number[]>();

  private constructor(file: z.infer<typeof ClipFile>) {
    const { model } = file;
    this.#idOf = new Map(Object.entries(model.vocab));
    this.#rankOf = new Map(
      model.merges.map((merge, rank) => [
        (typeof merge === "string" ? merge.split(" ") : merge).join(BETWEEN),
        rank,
      ]),
    );
    this.#added = new Map(file.added_tokens.map((one) => [one.content, one.id]));
    const forms = [...this.#added.keys()].toSorted((one, other) => other.length - one.length);
    this.#addedPattern =
      forms.length === 0 ? undefined : new RegExp(`(${forms.map(escaped).join("|")})`, "u");
    this.#suffix = model.end_of_word_suffix;
    this.#unknown = model.unk_token === null ? undefined : this.#idOf.get(model.unk_token);
    [this.#start, this.#end] = [file.post_processor.cls[1], file.post_processor.sep[1]];
  }

  /** Reads a directory's `tokenizer.json`. Throws CheckpointError for one that is damaged or of another kind. */
  static async open(directory: string): Promise<ClipTokenizer> {
    const path = join(directory, "tokenizer.json");
    const parsed = ClipFile.safeParse(
      await readJsonFile(path, "Download it beside the weights, or save the tokenizer with transformers."),
    );
    if (parsed.success) return new ClipTokenizer(parsed.data);
    throw new CheckpointError(`${path} is not CLIP's tokenizer: ${z.prettifyError(parsed.error)}`, {
      hint: "Take the tokenizer.json of openai/clip-vit-base-patch32 or of another OpenAI CLIP.",
      cause: parsed.error,
    });
  }

  /** Ids with the tokens before and after; at most `most`, of which the last is always the end token. */
  encode(text: string, most: number): number[] {
    const ids: number[] = [];
    const parts = this.#addedPattern === undefined ? [text] : text.split(this.#addedPattern);
    for (const part of parts) {
      const own = this.#added.get(part);
      if (own !== undefined) ids.push(own);
      else for (const word of wordsOf(part)) ids.push(...this.#idsOf(word));
    }
    return [this.#start, ...ids.slice(0, most - 2), this.#end];
  }

  #idsOf(word: string): readonly number[] {
    const known = this.#words.get(word);
    if (known !== undefined) return known;
    const parts = spell(bytesOf(word)).split("");
    parts.push(`${parts.pop()!}${this.#suffix}`);
    const ids = this.#merged(parts).flatMap((part) => this.#idOf.get(part) ?? this.#unknown ?? []);
    this.#words.set(word, ids);
    return ids;
  }

  /** Neighbours become one, the pair that was learnt first before the others, leftmost first. */
  #merged(parts: string[]): string[] {
    for (;;) {
      let best = Infinity;
      let at = -1;
      for (let index = 0; index + 1 < parts.length; index += 1) {
        const rank = this.#rankOf.get(`${parts[index]}${BETWEEN}${parts[index + 1]}`) ?? Infinity;
        if (rank < best) [best, at] = [rank, index];
      }
      if (at < 0) return parts;
      parts.splice(at, 2, `${parts[at]}${parts[at + 1]}`);
    }
  }
}

function wordsOf(text: string): string[] {
  // Letter by letter: a final sigma is no other letter here than one within a word.
  const lower = Array.from(text.normalize("NFC").replaceAll(SPACES, " "), (letter) => letter.toLowerCase());
  return lower.join("").match(WORDS) ?? [];
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}
