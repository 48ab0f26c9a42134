/** A text tokenizer against its recording: ids of special tokens, ids of texts, and the texts decoded again. */

import { join } from "node:path";
import { z } from "zod";
import { openTextTokenizer } from "../tokens/open-text-tokenizer.ts";
import { compareEqual, type Comparison } from "./comparison.ts";
import { readRecordedJson } from "./recorded-json.ts";

const Recording = z.looseObject({
  special_ids: z.record(z.string(), z.int()).default({}),
  vocab_size: z.int().optional(),
  cases: z.array(z.looseObject({ text: z.string(), ids: z.array(z.int()), decoded: z.string().optional() })),
});

/**
 * Recorded texts were encoded with special tokens on, as templates are. A text that spells none must give the same
 * ids when it is taken for what a person wrote.
 */
export async function* compareTextTokenizer(directory: string): AsyncGenerator<Comparison, string[]> {
  const recording = await readRecordedJson(join(directory, "expected.json"), Recording);
  const tokenizer = await openTextTokenizer(directory);
  if (recording.vocab_size !== undefined) {
    yield compareEqual("vocabulary size", { got: [tokenizer.size], want: [recording.vocab_size] });
  }
  for (const [form, id] of Object.entries(recording.special_ids)) {
    const own = tokenizer.specialTokens.get(form);
    yield compareEqual("special ids", { got: own === undefined ? [] : [own], want: [id] }, form);
  }
  const forms = [...tokenizer.specialTokens.keys()];
  for (const { text, ids, decoded } of recording.cases) {
    const part = JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
    yield compareEqual("ids", { got: tokenizer.encodeTemplate(text), want: ids }, part);
    if (!forms.some((form) => text.includes(form))) {
      yield compareEqual("ids of written text", { got: tokenizer.encode(text), want: ids }, part);
    }
    if (decoded !== undefined) {
      yield compareEqual("decoded text", { got: tokenizer.decodeTemplate(ids), want: decoded }, part);
    }
  }
  return [];
}
