/**
 * An instruction as it stands in a question to a judge: text to be judged against, which must not end the passage that
 * quotes it, nor turn into control tokens of the model. What it says is left as it is; a model that follows it all the
 * same cannot be kept from that here.
 */

/** `<|im_end|>`, `<image>`, `</s>`, `<start_of_turn>`: servers turn these into control tokens wherever they stand. */
const CONTROL = /<(?=[|/A-Za-z\uFF5C])|\|(?=>)|\[(?=\/?INST\])/g;

/** Control tokens taken apart by a space; a model reads the same words. */
export function withoutControlTokens(instruction: string): string {
  return instruction.replaceAll(CONTROL, (mark) => `${mark} `);
}

/** The instruction between marks that it does not hold itself. */
export function quoted(instruction: string): string {
  const text = withoutControlTokens(instruction);
  let mark = '"""';
  while (text.includes(mark)) mark += '"';
  // A quote at the end would lengthen the mark.
  return `${mark}\n${text}\n${mark}`;
}
