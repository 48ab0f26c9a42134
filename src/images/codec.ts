/**
 * Bytes to pictures, with sharp. Decoding follows the `datasets` library: EXIF orientation is applied,
 * alpha is dropped (not blended) and colour profiles are left alone, so pixels equal Pillow's.
 */

import sharp from "sharp";

import { DataError } from "../errors.ts";
import type { Picture } from "./picture.ts";

/**
 * Decodes PNG, JPEG or WebP. `label` names the picture in errors ("cat.jpg", "train.parquet, row 3, src_img").
 * Throws DataError for bytes that are empty, cut off or no picture.
 */
export async function decodePicture(bytes: Uint8Array, label: string): Promise<Picture> {
  if (bytes.length === 0) {
    throw new DataError(`${label}: the picture is empty (0 bytes).`, { hint: "Fetch or export it again." });
  }
  try {
    const { data, info } = await sharp(bytes, { ignoreIcc: true })
      .autoOrient()
      .removeAlpha()
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return {
      width: info.width,
      height: info.height,
      pixels: new Uint8Array(data.buffer, data.byteOffset, data.length),
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataError(`${label}: the picture cannot be decoded (${firstLine(reason)}).`, {
      hint: "Give a whole PNG, JPEG or WebP picture.",
      cause,
    });
  }
}

function firstLine(text: string): string {
  return (text.split("\n", 1)[0] ?? "").trim();
}
