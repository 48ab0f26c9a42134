/**
 * Pictures as judges get them: JPEG of quality 75 with halved colour (4:2:0), which is what Pillow writes and EARL sent.
 * Vision models refuse sides below their patch (28 pixels for Qwen2.5-VL, 32 for Qwen3-VL), some by crashing: such a
 * picture is enlarged by a whole factor, pixel by pixel, so that nothing is invented. Large ones are reduced.
 */

import sharp from "sharp";
import { picture, type Picture } from "../images/picture.ts";
import { resize, resizedSize } from "../images/resize.ts";

const JPEG_QUALITY = 75;

export interface PictureLimits {
  /** Least side in pixels. */
  readonly leastSide: number;
  /** Most pixels; a picture of an extreme shape may have more where its short side would fall below the least. */
  readonly mostPixels: number;
}

/** The picture's bytes as a JPEG file. */
export async function jpegOf({ width, height, pixels }: Picture): Promise<Buffer> {
  return (
    sharp(pixels, { raw: { width, height, channels: 3 } })
      // The standard's Huffman tables, as Pillow takes them: the same pixels in two thirds of the time.
      .jpeg({ quality: JPEG_QUALITY, chromaSubsampling: "4:2:0", optimiseCoding: false })
      .toBuffer()
  );
}

export async function jpegUrlOf(shown: Picture): Promise<string> {
  return `data:image/jpeg;base64,${(await jpegOf(shown)).toString("base64")}`;
}

/** The picture at a size within the limits; the picture itself where it is. */
export function fitted(source: Picture, { leastSide, mostPixels }: PictureLimits): Picture {
  return enlarged(reduced(source, leastSide, mostPixels), leastSide);
}

function reduced(source: Picture, leastSide: number, mostPixels: number): Picture {
  const { width, height } = source;
  if (width * height <= mostPixels || Math.min(width, height) <= leastSide) return source;
  // The area at which the shorter side is the least one.
  const leastArea = width * height * (leastSide / Math.min(width, height)) ** 2;
  const size = resizedSize(width, height, Math.max(mostPixels, leastArea));
  return resize(source, size.width, size.height);
}

function enlarged(source: Picture, leastSide: number): Picture {
  const factor = Math.ceil(leastSide / Math.min(source.width, source.height));
  return factor <= 1 ? source : enlargedBy(source, factor);
}

/** The picture with each pixel `factor` times as wide and high. */
export function enlargedBy(source: Picture, factor: number): Picture {
  const width = source.width * factor;
  const height = source.height * factor;
  const result = picture(width, height);
  for (let y = 0; y < height; y += 1) {
    const row = Math.floor(y / factor) * source.width;
    for (let x = 0; x < width; x += 1) {
      const from = 3 * (row + Math.floor(x / factor));
      result.pixels.set(source.pixels.subarray(from, from + 3), 3 * (y * width + x));
    }
  }
  return result;
}
