/** First and last frame of a clip: as pictures that lie there already, or decoded by ffmpeg. */

import { execFile } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { DataError } from "../../errors.ts";
import { readPictureFile } from "../../images/picture-file.ts";

export interface FramePair {
  readonly first: Uint8Array;
  readonly last: Uint8Array;
}
export type ClipFrames = (id: string) => Promise<FramePair | { readonly broken: string }>;

const run = promisify(execFile);
const CLIP_ENDINGS = ["webm", "mp4", "mkv", "avi"];
const MOST_BYTES = 256 * 2 ** 20;
/** A clip of a few seconds takes a tenth of one. */
const PATIENCE = 60_000;
/** The first frame and the last one that can be decoded, one after the other. */
const BOTH_FRAMES =
  "[0:v]split[a][b];[a]trim=end_frame=1,setpts=0[f];[b]reverse,trim=end_frame=1,setpts=0[l];[f][l]concat=n=2[o]";
const PNG_END = Buffer.from("IEND\xae\x42\x60\x82", "latin1");

/**
 * Frames of the clips in a folder: `frames/ID/first.jpg` and `last.jpg`, or the clip ID.webm in it or in a folder within.
 * Throws DataError where there are only clips and no ffmpeg.
 */
export async function clipFrames(directory: string): Promise<ClipFrames> {
  const folders = await clipFolders(directory);
  const hasFrames = folders.includes("frames");
  const hasFfmpeg = await run("ffmpeg", ["-version"]).then(
    () => true,
    () => false,
  );
  if (!hasFrames && !hasFfmpeg) {
    throw new DataError("The frames of the clips cannot be read: there is no ffmpeg.", {
      hint: "Install ffmpeg (apt install ffmpeg, brew install ffmpeg), or put frames/ID/first.jpg and last.jpg beside the lists.",
    });
  }
  return async (id) => {
    const [first, last] = [await frameFile(directory, id, "first"), await frameFile(directory, id, "last")];
    if (first !== undefined && last !== undefined) {
      return { first: await readPictureFile(first), last: await readPictureFile(last) };
    }
    for (const folder of ["", ...folders]) {
      for (const ending of CLIP_ENDINGS) {
        const path = join(directory, folder, `${id}.${ending}`);
        if ((await stat(path).catch(() => undefined)) === undefined) continue;
        return hasFfmpeg ? decoded(path) : { broken: `${path} needs ffmpeg, which is not there` };
      }
    }
    return { broken: `there is no clip ${id}.webm` };
  };
}

async function clipFolders(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((one) => one.isDirectory()).map(({ name }) => name);
}

async function frameFile(directory: string, id: string, name: string): Promise<string | undefined> {
  for (const ending of ["jpg", "png"]) {
    const path = join(directory, "frames", id, `${name}.${ending}`);
    if ((await stat(path).catch(() => undefined)) !== undefined) return path;
  }
  return undefined;
}

async function decoded(path: string): Promise<FramePair | { readonly broken: string }> {
  // A clip is somebody else's: only this file may be opened, whatever is written in it.
  const before = ["-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe", "-i", `file:${path}`];
  const after = [
    "-filter_complex",
    BOTH_FRAMES,
    "-map",
    "[o]",
    "-fps_mode",
    "passthrough",
    "-f",
    "image2pipe",
  ];
  let written: Buffer;
  try {
    const options = { encoding: "buffer", maxBuffer: MOST_BYTES, timeout: PATIENCE } as const;
    written = (
      await run("ffmpeg", [...before, ...after, "-c:v", "png", "-pix_fmt", "rgb24", "pipe:1"], options)
    ).stdout;
  } catch {
    return { broken: `${path} cannot be decoded` };
  }
  const end = written.indexOf(PNG_END) + PNG_END.length;
  if (end < PNG_END.length || end >= written.length)
    return { broken: `${path} has no frame that can be decoded` };
  return { first: new Uint8Array(written.subarray(0, end)), last: new Uint8Array(written.subarray(end)) };
}
