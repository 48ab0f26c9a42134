/**
 * The ids a policy reads and writes: text first, then Emu3's control tokens, then one id a codebook entry.
 * Emu3's own numbers are in `EMU3_VOCABULARY`; a small policy has the same roles at other ids.
 */

export interface Vocabulary {
  /** All ids: text + control + image. */
  readonly size: number;
  readonly pad: number;
  readonly bos: number;
  readonly eos: number;
  /** End of a row of image tokens. */
  readonly eol: number;
  /** End of the frame, after the last row. */
  readonly eof: number;
  /** Start of the image tokens. */
  readonly img: number;
  /** Begin of an image, before its "rows*columns" text. */
  readonly boi: number;
  /** End of an image. */
  readonly eoi: number;
  /** The id of code 0; code k is `imageTokenOffset + k`. */
  readonly imageTokenOffset: number;
  readonly codebookSize: number;
}

/** Emu3's published ids (reference: configuration_emu3.py and tokenization_emu3.py of baaivision/Emu3). */
export const EMU3_VOCABULARY: Vocabulary = {
  size: 184_622,
  pad: 151_643,
  bos: 151_849,
  eos: 151_850,
  eol: 151_846,
  eof: 151_847,
  img: 151_851,
  boi: 151_852,
  eoi: 151_853,
  imageTokenOffset: 151_854,
  codebookSize: 32_768,
};
