/** What a policy is given to continue, and what it wrote. */

import type { GridSize } from "./vision-tokenizer.ts";

export interface Prompt {
  /** bos, source image, instruction, prefill. */
  readonly ids: Int32Array;
  /** The same without the instruction, for guidance; it must end with the same id. */
  readonly idsWithoutInstruction?: Int32Array;
  /** The grid of the picture to be written. */
  readonly grid: GridSize;
  /** What the completion begins with: the image itself (prefill boi), or a thought before it. */
  readonly writes: "image" | "thought";
}
