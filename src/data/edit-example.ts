/** One row of an edit dataset, whatever container it came from. */

/** A picture as it lies in a file: PNG, JPEG or WebP bytes. Decoded only when needed. */
export type EncodedPicture = Uint8Array;

export interface EditExample {
  readonly id: string;
  /** Kind of edit as the dataset names it ("addition", "recolour", …). */
  readonly task: string;
  readonly instruction: string;
  readonly source: EncodedPicture;
  /** The edited picture, where the dataset has one. */
  readonly target?: EncodedPicture;
  /** What is where and what changes, written before the picture. */
  readonly thought?: string;
  /** Where it was read ("train-00000-of-00001.parquet, row 12"); names it in errors. */
  readonly origin?: string;
}
