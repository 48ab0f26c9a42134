/**
 * Pictures as data URIs, so that the report is one file. Small pictures go in byte for byte and are enlarged crisply by
 * the page; large ones are scaled down first, as a page of them would weigh too much.
 */

import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import sharp from "sharp";
import { DataError } from "../errors.ts";
import { errorCode } from "../runs/atomic-write.ts";
import { html, type Html } from "./html.ts";

/** Sides up to this many pixels are inlined untouched. */
const LARGEST_SIDE = 320;
/** Sides up to this many pixels are pixel art: enlarged without smoothing. */
const CRISP_SIDE = 128;

export interface AlbumPicture {
  /** A data: URI. */
  readonly uri: string;
  readonly width: number;
  readonly height: number;
}

/** Pictures by absolute path; one that is missing or damaged has no entry. */
export type Album = ReadonlyMap<string, AlbumPicture>;

async function inline(path: string): Promise<AlbumPicture | undefined> {
  try {
    const bytes = await readOwnFile(path);
    if (bytes === undefined) return undefined;
    const { width, height, format } = await sharp(bytes).metadata();
    const isSmall = Math.max(width, height) <= LARGEST_SIDE && ["png", "jpeg", "webp"].includes(format);
    if (isSmall) return { uri: `data:image/${format};base64,${bytes.toString("base64")}`, width, height };
    const { data, info } = await sharp(bytes)
      .resize({ width: LARGEST_SIDE, height: LARGEST_SIDE, fit: "inside" })
      .webp({ quality: 85 })
      .toBuffer({ resolveWithObject: true });
    const uri = `data:image/webp;base64,${data.toString("base64")}`;
    return { uri, width: info.width, height: info.height };
  } catch (error) {
    if (error instanceof DataError) throw error;
    // The report is also read after a crash: a missing picture is shown as missing, not thrown.
    return undefined;
  }
}

/**
 * The bytes of a file. Throws DataError for a link: somebody else's run must not bring pictures into the report that
 * were never in its folder.
 */
async function readOwnFile(path: string): Promise<Buffer | undefined> {
  // Without waiting, a pipe opens too; it is no file and is shown as missing.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let file: FileHandle;
  try {
    file = await open(path, flags);
  } catch (cause) {
    if (errorCode(cause) !== "ELOOP") throw cause;
    throw new DataError(`${path} is a link; a report shows pictures of the run's own folder alone.`, {
      hint: "Put the picture itself there.",
      cause,
    });
  }
  try {
    return (await file.stat()).isFile() ? await file.readFile() : undefined;
  } finally {
    await file.close();
  }
}

/** Reads each picture once. Throws DataError where one is a link. */
export async function loadAlbum(paths: Iterable<string>): Promise<Album> {
  const album = new Map<string, AlbumPicture>();
  for (const path of new Set(paths)) {
    const picture = await inline(path);
    if (picture !== undefined) album.set(path, picture);
  }
  return album;
}

/** The picture, or a labelled empty frame where there is none. */
export function albumImage(album: Album, path: string | undefined, alt: string): Html {
  const picture = path === undefined ? undefined : album.get(path);
  if (picture === undefined)
    return html`<span class="missing" role="img" aria-label="${alt}">no picture</span>`;
  const crisp = Math.max(picture.width, picture.height) <= CRISP_SIDE ? "crisp" : "";
  return html`<img
    class="${crisp}"
    src="${picture.uri}"
    width="${picture.width}"
    height="${picture.height}"
    alt="${alt}"
  />`;
}
