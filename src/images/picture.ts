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

/** The part of a picture that begins at its first pixel; the picture itself where that is all of it. */
export function topLeft(source: Picture, width: number, height: number): Picture {
  if (width === source.width && height === source.height) return source;
  if (width > source.width || height > source.height) {
    throw new DataError(
      `A ${source.width} × ${source.height} picture has no part of ${width} × ${height} pixels.`,
    );
  }
  const part = picture(width, height);
  for (let y = 0; y < height; y += 1) {
    const from = y * source.width * 3;
    part.pixels.set(source.pixels.subarray(from, from + width * 3), y * width * 3);
  }
  return part;
}
