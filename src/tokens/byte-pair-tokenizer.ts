/**
 * Byte-pair encoding over UTF-8 bytes (Sennrich et al. 2016; bytes as in GPT-2). Emu3's rank file, a `tokenizer.json`
 * and what a small policy learns from its instructions are all this class with other tables.
 */

import { CheckpointError } from "../errors.ts";
import { bytesOf, textOf } from "./byte-alphabet.ts";
import { preTokens } from "./pre-tokens.ts";
import type { TextTokenizer } from "./text-tokenizer.ts";

export interface BytePairTables {
  /** Every text token: its bytes (one latin-1 character a byte) to its id. */
  readonly idOf: ReadonlyMap<string, number>;
  /** How early two neighbours merge: lower is earlier, Infinity never. */
  readonly rankOf: (left: string, right: string) => number;
  /** A piece that is a token as a whole is taken without looking at merges. */
  readonly wholePieces: boolean;
  readonly pattern: RegExp;
  /** Text is brought to Unicode's composed form first. */
  readonly composes: boolean;
  /** Control and image tokens: surface form to id. */
  readonly specialTokens: ReadonlyMap<string, number>;
  readonly files: () => ReadonlyMap<string, Uint8Array>;
  /** See TextTokenizer. */
  readonly instructionLength?: number | undefined;
  readonly notice?: string | undefined;
}

// Instructions repeat the same words; beyond this many the cache starts over.
const MOST_CACHED_PIECES = 65_536;

export class BytePairTokenizer implements TextTokenizer {
  /** Control and image tokens: surface form to id. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** One past the highest id. */
  readonly size: number;
  readonly instructionLength: number | undefined;
  readonly notice: string | undefined;
  readonly #tables: BytePairTables;
  readonly #bytesOfId = new Map<number, string>();
  readonly #formOfId = new Map<number, string>();
  readonly #firstLetters: ReadonlySet<string>;
  readonly #formLengths: readonly number[];
  readonly #cache = new Map<string, readonly number[]>();

  /** Throws CheckpointError where a byte has no id, since some texts could then not be written, or two tokens share one. */
  constructor(tables: BytePairTables) {
    this.#tables = tables;
    this.specialTokens = tables.specialTokens;
    this.instructionLength = tables.instructionLength;
    this.notice = tables.notice;
    for (const [bytes, id] of tables.idOf) this.#bytesOfId.set(id, bytes);
    for (const [form, id] of tables.specialTokens) this.#formOfId.set(id, form);
    requireSingleIds(tables);
    for (let byte = 0; byte < 256; byte += 1) {
      if (tables.idOf.has(String.fromCharCode(byte))) continue;
      throw new CheckpointError(`The text tokenizer has no id for the byte ${byte}.`, {
        hint: "Use a byte-level tokenizer, whose vocabulary holds all 256 bytes.",
      });
    }
    let highest = 0;
    for (const id of this.#bytesOfId.keys()) highest = Math.max(highest, id);
    for (const id of this.#formOfId.keys()) highest = Math.max(highest, id);
    this.size = highest + 1;
    const forms = [...tables.specialTokens.keys()];
    this.#firstLetters = new Set(forms.map((form) => form.charAt(0)));
    this.#formLengths = [...new Set(forms.map((form) => form.length))].toSorted((a, b) => b - a);
  }

  encode(text: string): number[] {
    const ids: number[] = [];
    const composed = this.#tables.composes ? text.normalize("NFC") : text;
    for (const piece of preTokens(composed, this.#tables.pattern)) {
      for (const id of this.#pieceIds(bytesOf(piece))) ids.push(id);
    }
    return ids;
  }

  encodeTemplate(text: string): number[] {
    const ids: number[] = [];
    let start = 0;
    for (let index = 0; index < text.length; index += 1) {
      const form = this.#formAt(text, index);
      if (form === undefined) continue;
      for (const id of this.encode(text.slice(start, index))) ids.push(id);
      ids.push(this.specialTokens.get(form) as number);
      start = index + form.length;
      index = start - 1;
    }
    for (const id of this.encode(text.slice(start))) ids.push(id);
    return ids;
  }

  decode(ids: readonly number[]): string {
    return textOf(ids.map((id) => this.#bytesOfId.get(id) ?? "").join(""));
  }

  /** Like `decode`, with control and image tokens written by their surface form: what `encodeTemplate` reads. */
  decodeTemplate(ids: readonly number[]): string {
    return textOf(ids.map((id) => this.#bytesOfId.get(id) ?? bytesOf(this.#formOfId.get(id) ?? "")).join(""));
  }

  files(): ReadonlyMap<string, Uint8Array> {
    return this.#tables.files();
  }

  /** The longest surface form that starts at this place of a text. */
  #formAt(text: string, index: number): string | undefined {
    if (!this.#firstLetters.has(text.charAt(index))) return undefined;
    for (const length of this.#formLengths) {
      const form = text.slice(index, index + length);
      if (this.specialTokens.has(form)) return form;
    }
    return undefined;
  }

  #pieceIds(bytes: string): readonly number[] {
    const cached = this.#cache.get(bytes);
    if (cached !== undefined) return cached;
    const whole = this.#tables.wholePieces ? this.#tables.idOf.get(bytes) : undefined;
    const ids =
      whole === undefined
        ? mergedParts(bytes, this.#tables.rankOf).map((part) => this.#idOfPart(part))
        : [whole];
    if (this.#cache.size >= MOST_CACHED_PIECES) this.#cache.clear();
    this.#cache.set(bytes, ids);
    return ids;
  }

  #idOfPart(part: string): number {
    const id = this.#tables.idOf.get(part);
    if (id !== undefined) return id;
    throw new CheckpointError(`A merge of the text tokenizer makes "${textOf(part)}", which has no id.`, {
      hint: "The tokenizer's files do not belong together; download them again.",
    });
  }
}

/** Two tokens of one id would be one to the policy, and come back as the other. */
function requireSingleIds({ idOf, specialTokens }: BytePairTables): void {
  const seen = new Set<number>();
  for (const id of [...idOf.values(), ...specialTokens.values()]) {
    if (seen.has(id)) {
      throw new CheckpointError(`The text tokenizer gives the id ${id} twice.`, {
        hint: "The tokenizer's files are damaged or do not belong together; download them again.",
      });
    }
    seen.add(id);
  }
}

/** Merges neighbours, the lowest rank first and the leftmost among equals, until none merges. */
function mergedParts(bytes: string, rankOf: BytePairTables["rankOf"]): string[] {
  const parts = bytes.split("");
  const ranks: number[] = []; // ranks[i]: of the pair (i, i + 1)
  const rankAt = (index: number): number =>
    index >= 0 && index + 1 < parts.length
      ? rankOf(parts[index] as string, parts[index + 1] as string)
      : Infinity;
  for (let index = 0; index < parts.length; index += 1) ranks.push(rankAt(index));
  for (;;) {
    let best = 0;
    for (let index = 1; index < ranks.length; index += 1) {
      if ((ranks[index] as number) < (ranks[best] as number)) best = index;
    }
    if (parts.length < 2 || ranks[best] === Infinity) return parts;
    parts.splice(best, 2, (parts[best] as string) + (parts[best + 1] as string));
    ranks.splice(best, 1);
    ranks[best] = rankAt(best);
    if (best > 0) ranks[best - 1] = rankAt(best - 1);
  }
}
