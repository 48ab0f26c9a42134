/** A picture in memory: 8-bit RGB, rows from the top, channels together. */

import { DataError } from "../errors.ts";

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3], 0…255. */
  readonly pixels: Uint8Array;
}

/** A picture of the given size, black unless pixels are given. Throws DataError when the pixels do not fill it. */
export function picture(width: number, height: number, pixels?: Uint8Array): Picture {
  const filled = pixels ?? new Uint8Array(width * height * 3);
  if (filled.length !== width * height * 3) {
    throw new DataError(
      `A ${width} × ${height} picture has ${width * height * 3} bytes, got ${filled.length}.`,
    );
  }
  return { width, height, pixels: filled };
}
