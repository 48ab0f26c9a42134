/** Edits of grey pictures, for tests of what asks a judge. */

import { picture, type Picture } from "../../src/images/picture.ts";
import type { DecodedEdit } from "../../src/rewards/reward.ts";

export function grey(level: number): Picture {
  return picture(32, 32, new Uint8Array(32 * 32 * 3).fill(level));
}

/** A grey picture that became of another level. */
export function greyEdit(level: number, own: Partial<DecodedEdit> = {}): DecodedEdit {
  return {
    exampleId: "a",
    instruction: "Brighten it",
    source: grey(50),
    edited: grey(level),
    target: grey(200),
    ...own,
  };
}
