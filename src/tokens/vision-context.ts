/** What the kinds of vision tokenizers are opened with. */

import type { OpenMovqRunner } from "./movq/movq-pictures.ts";

/** What a kind of vision tokenizer is opened with, beside what its file says. */
export interface VisionContext extends VisionPlaces {
  /** The file. */
  readonly path: string;
}

/** Where tokenizers compute that take long, if not in a thread of this process. */
export interface VisionPlaces {
  readonly movq?: OpenMovqRunner | undefined;
}
