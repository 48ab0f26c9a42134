/**
 * Bytes to pictures, with sharp. Decoding follows the `datasets` library: EXIF orientation is applied, alpha is dropped
 * (not blended), colour profiles are left alone, and what is damaged but whole is read as far as it goes, so pixels equal
 * Pillow's. Only the formats that datasets hold are taken: the others' decoders are no place for bytes from the web.
 */

import { crc32 } from "node:zlib";

import sharp, { type Sharp } from "sharp";

import { DataError } from "../errors.ts";
import { isLfsPointer } from "../lfs-pointer.ts";
import { cmykToRgb } from "./cmyk.ts";
import type { Picture } from "./picture.ts";

/** Pixels of the largest picture that is taken: sharp's own limit, 16,383 × 16,383. */
const MOST_PIXELS = 0x3fff ** 2;
/**
 * Pixels of the largest picture that is decoded whole, 4,096 × 4,096 and 48 MiB. A larger one is shrunk while it is
 * decoded, by a whole factor, which changes its pixels a little; nobody trains at that size.
 */
const WHOLE_PIXELS = 2 ** 24;

interface Header {
  readonly width: number;
  readonly height: number;
  readonly isCmyk: boolean;
  readonly isProgressive: boolean;
  /** Grey of 16 bits, without alpha. */
  readonly isDeepGrey: boolean;
}

type Format = "PNG" | "JPEG" | "WebP";

/**
 * Decodes PNG, JPEG or WebP. `label` names the picture in errors ("cat.jpg", "train.parquet, row 3, src_img").
 * Throws DataError for bytes that are empty, cut off, no picture or too large a one.
 */
export async function decodePicture(bytes: Uint8Array, label: string): Promise<Picture> {
  if (bytes.length === 0) {
    throw new DataError(`${label}: the picture is empty (0 bytes).`, { hint: "Fetch or export it again." });
  }
  const format = formatOf(bytes, label);
  try {
    const header = format === "PNG" ? pngHeader(bytes) : await headerOf(bytes);
    if (header.width * header.height > MOST_PIXELS) throw tooLarge(header, label);
    return await decodeWhole(bytes, format, header);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    // Not in the decoder's words: where several pictures are decoded at once, it may speak of another one.
    throw new DataError(`${label}: the picture cannot be decoded (it is damaged or cut off).`, {
      hint: "Give a whole PNG, JPEG or WebP picture.",
      cause,
    });
  }
}

/** By the first bytes. Throws DataError for any other format. */
function formatOf(bytes: Uint8Array, label: string): Format {
  const start = Buffer.from(bytes.subarray(0, 16)).toString("latin1");
  if (start.startsWith("\x89PNG\r\n\x1a\n")) return "PNG";
  if (start.startsWith("\xff\xd8\xff")) return "JPEG";
  if (/^RIFF.{4}WEBP/s.test(start)) return "WebP";
  if (isLfsPointer(bytes)) {
    throw new DataError(`${label}: the picture is a Git LFS pointer, not the file.`, {
      hint: "Fetch it with `git lfs pull`.",
    });
  }
  const shown = start.replaceAll(/[^ -~]/g, "·");
  throw new DataError(
    `${label}: the picture cannot be decoded (it is no PNG, JPEG or WebP, it begins "${shown}").`,
    {
      hint: "Give a whole PNG, JPEG or WebP picture.",
    },
  );
}

/** Read here, since decoding small pictures takes no longer than asking sharp about them. */
function pngHeader(bytes: Uint8Array): Header {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (header.length < 33 || header.toString("latin1", 12, 16) !== "IHDR") {
    throw new Error("the header is cut off");
  }
  // The decoder forgives checksums, as Pillow does for pixels; but a wrong header makes another picture of them.
  if (crc32(header.subarray(12, 29)) !== header.readUInt32BE(29)) throw new Error("the header is damaged");
  return {
    width: header.readUInt32BE(16),
    height: header.readUInt32BE(20),
    isCmyk: false,
    isProgressive: false,
    isDeepGrey: header[24] === 16 && header[25] === 0,
  };
}

async function headerOf(bytes: Uint8Array): Promise<Header> {
  const { width, height, space, isProgressive } = await sharp(bytes, { limitInputPixels: false }).metadata();
  return { width, height, isCmyk: space === "cmyk", isProgressive, isDeepGrey: false };
}

function tooLarge({ width, height }: Header, label: string): DataError {
  return new DataError(`${label}: the picture has ${width} × ${height} pixels.`, {
    hint: `At most ${MOST_PIXELS.toLocaleString("en-US")} pixels are taken; give it smaller.`,
  });
}

async function decodeWhole(bytes: Uint8Array, format: Format, header: Header): Promise<Picture> {
  try {
    // Damage inside is forgiven, bytes that are missing are not: what would stand in their place is grey.
    return await pixelsOf(bytes, header, "truncated");
  } catch (cause) {
    if (format !== "JPEG" || header.isProgressive || hasEnd(bytes)) throw cause;
    // Nothing but the end marker may be missing. Without forgiveness, an early end is told from that; but of a progressive
    // picture a whole scan may be missing, and nothing tells.
    return pixelsOf(Buffer.concat([bytes, Uint8Array.of(0xff, 0xd9)]), header, "warning").catch(() => {
      throw cause;
    });
  }
}

function hasEnd(bytes: Uint8Array): boolean {
  return bytes.at(-2) === 0xff && bytes.at(-1) === 0xd9;
}

async function pixelsOf(
  bytes: Uint8Array,
  header: Header,
  failOn: "truncated" | "warning",
): Promise<Picture> {
  const opened = sharp(bytes, { ignoreIcc: true, failOn, limitInputPixels: MOST_PIXELS }).autoOrient();
  const sized = shrunk(opened, header);
  if (header.isDeepGrey) return clippedGrey(sized);
  const space = header.isCmyk ? sized.pipelineColourspace("cmyk") : sized.removeAlpha();
  const { data, info } = await space
    .toColourspace(header.isCmyk ? "cmyk" : "srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.length);
  const { width, height } = info;
  return { width, height, pixels: header.isCmyk ? cmykToRgb(pixels) : pixels };
}

/** Pillow takes the value of a 16-bit grey for that of an 8-bit one, and all that is larger for white. */
async function clippedGrey(opened: Sharp): Promise<Picture> {
  const { data, info } = await opened
    .toColourspace("grey16")
    .raw({ depth: "ushort" })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const pixels = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    pixels.fill(Math.min(255, data.readUInt16LE(2 * pixel * channels)), 3 * pixel, 3 * pixel + 3);
  }
  return { width, height, pixels };
}

/** By a whole factor along both sides, where the picture is too large to be decoded whole. */
function shrunk(picture: Sharp, { width, height }: Header): Sharp {
  const factor = Math.ceil(Math.sqrt((width * height) / WHOLE_PIXELS));
  if (factor === 1) return picture;
  // Sides may be swapped by the orientation; the longer one stays the longer.
  const longest = Math.max(1, Math.round(Math.max(width, height) / factor));
  return picture.resize({ width: longest, height: longest, fit: "inside", kernel: "cubic" });
}
