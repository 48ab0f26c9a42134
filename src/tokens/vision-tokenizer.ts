/** Pictures to code grids and back. The patch codebook and Emu3's MoVQ stand behind this interface. */

import type { Picture } from "../images/picture.ts";

export interface GridSize {
  readonly rows: number;
  readonly columns: number;
}

export interface CodeGrid extends GridSize {
  /** [rows, columns], each 0…codebookSize−1. */
  readonly codes: Int32Array;
}

/** True where both have the same size and the same codes. */
export function isSameGrid(left: CodeGrid, right: CodeGrid): boolean {
  return (
    left.rows === right.rows &&
    left.columns === right.columns &&
    left.codes.every((code, index) => code === right.codes[index])
  );
}

/** In pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** What earl writes beside every checkpoint it trains: what `VisionTokenizer.files` holds. */
export const VISION_FILE = "vision_tokenizer.json";

/** Dispose of it when done: threads and weights are freed, and nothing can be asked of it any more. */
export interface VisionTokenizer extends AsyncDisposable {
  readonly codebookSize: number;
  /**
   * The size that a picture of any size should be given before it is encoded; `area`, in pixels, is the wanted one
   * where something else than the tokenizer's own choice is. Throws DataError where a side would vanish.
   */
  fittingSize(width: number, height: number, area?: number): PictureSize;
  /** The size of the picture that a grid is decoded to. */
  pictureSizeOf(grid: GridSize): PictureSize;
  /** The grid a picture of this size becomes. Throws DataError for a size it cannot take. */
  gridOf(width: number, height: number): GridSize;
  /** All in one call, so that they can be shared out. Throws DataError where a picture's size does not fit. */
  encode(pictures: readonly Picture[]): Promise<CodeGrid[]>;
  /** All in one call, too. Throws DataError for a grid that is not filled, or codes outside the codebook. */
  decode(grids: readonly CodeGrid[]): Promise<Picture[]>;
  /** The files that restore it, name to content, to be written beside a checkpoint. */
  files(): ReadonlyMap<string, Uint8Array>;
}
