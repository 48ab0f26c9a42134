/**
 * Bytes as text. Inside the tokenizers a run of bytes is a string of latin-1 characters (one a byte), which a Map can
 * key on. In `tokenizer.json` the bytes that do not print are moved to U+0100 and up (Radford et al. 2019, GPT-2).
 */

const printed = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);

const letters: string[] = [];
let moved = 0;
for (let byte = 0; byte < 256; byte += 1) {
  letters.push(String.fromCharCode(printed(byte) ? byte : 0x100 + moved));
  if (!printed(byte)) moved += 1;
}
const byteOfLetter = new Map(letters.map((letter, byte) => [letter, String.fromCharCode(byte)]));

/** The UTF-8 bytes of a text, one latin-1 character a byte. */
export function bytesOf(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The text that those bytes are UTF-8 of; broken bytes become U+FFFD. */
export function textOf(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** Bytes as they are spelled in `tokenizer.json`. */
export function spell(bytes: string): string {
  let spelled = "";
  for (let index = 0; index < bytes.length; index += 1) spelled += letters[bytes.charCodeAt(index)];
  return spelled;
}

/** The bytes of such a spelling, or nothing where a character is not of the alphabet. */
export function unspell(spelled: string): string | undefined {
  let bytes = "";
  for (const letter of spelled) {
    const byte = byteOfLetter.get(letter);
    if (byte === undefined) return undefined;
    bytes += byte;
  }
  return bytes;
}
