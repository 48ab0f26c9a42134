/**
 * Emu3's published text tokenizer: `emu3.tiktoken` (base64 bytes and rank, one token a line) and
 * `emu3_vision_tokens.txt` (one special token a line). Merges go by the rank of what they make, as in tiktoken.
 */

import { CheckpointError } from "../errors.ts";
import { shownValue } from "../policy/fault-list.ts";
import { BytePairTokenizer } from "./byte-pair-tokenizer.ts";
import { QWEN_PATTERN, compilePattern } from "./pre-tokens.ts";
import { CONTROL_TOKENS, visualToken } from "./special-tokens.ts";
import { EMU3_VOCABULARY } from "./vocabulary.ts";

export const EMU3_RANKS_FILE = "emu3.tiktoken";
export const EMU3_VISION_FILE = "emu3_vision_tokens.txt";

/** Where special tokens start: after the ranks, of which there are as many (reference: tokenization_emu3.py). */
const FIRST_SPECIAL_ID = 151_643;
const EXTRA_TOKENS = 205;
const AGAIN = "Download the file again.";

/**
 * Throws CheckpointError, naming file and line, for content that is not of that form, and for files that lack a line:
 * a tokenizer without its last ranks works, and gives other ids than the policy was trained on.
 */
export function readEmu3Tiktoken(ranksFile: Uint8Array, visionFile: Uint8Array): BytePairTokenizer {
  const idOf = ranksOf(Buffer.from(ranksFile).toString("latin1"));
  const forms = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
  for (let extra = 0; extra < EXTRA_TOKENS; extra += 1) forms.push(`<|extra_${extra}|>`);
  for (const line of Buffer.from(visionFile).toString("utf8").split(/\r?\n/)) {
    if (line.trim() !== "") forms.push(line.trim());
  }
  const specialTokens = new Map(forms.map((form, index) => [form, FIRST_SPECIAL_ID + index]));
  requirePublishedPlaces(specialTokens, forms.length);
  return new BytePairTokenizer({
    idOf,
    rankOf: (left, right) => idOf.get(left + right) ?? Infinity,
    wholePieces: true,
    pattern: compilePattern(QWEN_PATTERN),
    composes: true,
    specialTokens,
    files: () =>
      new Map([
        [EMU3_RANKS_FILE, ranksFile],
        [EMU3_VISION_FILE, visionFile],
      ]),
  });
}

/** Lines that are lost, doubled or in another order move the ids of all that follow. */
function requirePublishedPlaces(specialTokens: ReadonlyMap<string, number>, forms: number): void {
  const { img, boi, eoi, imageTokenOffset } = EMU3_VOCABULARY;
  const published = [
    [CONTROL_TOKENS.img, img],
    [CONTROL_TOKENS.boi, boi],
    [CONTROL_TOKENS.eoi, eoi],
    [visualToken(0), imageTokenOffset],
  ] as const;
  const moved = published.find(([form, id]) => specialTokens.get(form) !== id);
  if (moved === undefined && specialTokens.size === forms) return;
  const fault = moved === undefined ? "a token stands there twice" : `${moved[0]} is not where Emu3 has it`;
  throw new CheckpointError(`${EMU3_VISION_FILE} is not Emu3's: ${fault}.`, { hint: AGAIN });
}

function ranksOf(content: string): Map<string, number> {
  const ranks = new Map<string, number>();
  let next = 0;
  for (const [index, line] of content.split("\n").entries()) {
    if (line.trim() === "") continue;
    const match = /^([A-Za-z0-9+/]+={0,2}) (\d+)\r?$/.exec(line);
    const at = `${EMU3_RANKS_FILE}, line ${index + 1}`;
    if (!match?.[1]) {
      throw new CheckpointError(`${at}: ${shownValue(line)} is no token and rank.`, { hint: AGAIN });
    }
    const token = Buffer.from(match[1], "base64").toString("latin1");
    if (Number(match[2]) !== next || ranks.has(token)) {
      const fault = ranks.has(token)
        ? "its token stood there before"
        : `its rank is ${match[2]}, not ${next}`;
      throw new CheckpointError(`${at}: ${fault}.`, { hint: AGAIN });
    }
    ranks.set(token, next);
    next += 1;
  }
  if (next !== FIRST_SPECIAL_ID) {
    throw new CheckpointError(
      `${EMU3_RANKS_FILE} has ${next.toLocaleString("en-US")} ranks, Emu3's has ${FIRST_SPECIAL_ID.toLocaleString("en-US")}.`,
      { hint: `It was cut short, or is another model's. ${AGAIN}` },
    );
  }
  return ranks;
}
