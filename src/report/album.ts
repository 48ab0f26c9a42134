/**
 * Pictures as data URIs, so that the report is one file. Small pictures go in byte for byte and are enlarged crisply by
 * the page; large ones are scaled down first, as a page of them would weigh too much.
 */

import { readFile } from "node:fs/promises";
import sharp from "sharp";
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
    const bytes = await readFile(path);
    const { width, height, format } = await sharp(bytes).metadata();
    const isSmall = Math.max(width, height) <= LARGEST_SIDE && ["png", "jpeg", "webp"].includes(format);
    if (isSmall) return { uri: `data:image/${format};base64,${bytes.toString("base64")}`, width, height };
    const { data, info } = await sharp(bytes)
      .resize({ width: LARGEST_SIDE, height: LARGEST_SIDE, fit: "inside" })
      .webp({ quality: 85 })
      .toBuffer({ resolveWithObject: true });
    const uri = `data:image/webp;base64,${data.toString("base64")}`;
    return { uri, width: info.width, height: info.height };
  } catch {
    // The report is also read after a crash: a missing picture is shown as missing, not thrown.
    return undefined;
  }
}

/** Reads each picture once. */
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
