/**
 * Git LFS keeps large files elsewhere and leaves a few lines of text in their place; a clone without git-lfs has those
 * lines alone. Whoever reads a file that is published in a git repository asks here first.
 */

import type { EarlError, ErrorDetails } from "./errors.ts";

/** Of git-lfs, of its name before 2015, and of the draft before that (git-lfs, docs/spec.md). */
const FIRST_LINE =
  /^version https?:\/\/(?:git-lfs\.github\.com|hawser\.github\.com|git-media\.io)\/(?:spec\/)?v/;

/** Bytes from the start of a file in which a pointer shows itself. */
export const LFS_POINTER_BYTES = 64;

/** Whether a file that begins like this is a pointer. Takes the whole file, or its first LFS_POINTER_BYTES. */
export function isLfsPointer(start: Uint8Array): boolean {
  return FIRST_LINE.test(Buffer.from(start.subarray(0, LFS_POINTER_BYTES)).toString("latin1"));
}

/** Throws the caller's kind of error for a pointer; `path` names the file. */
export function refuseLfsPointer(
  path: string,
  start: Uint8Array,
  Fault: new (message: string, details: ErrorDetails) => EarlError,
): void {
  if (!isLfsPointer(start)) return;
  throw new Fault(`${path} is a Git LFS pointer, not the file: fetch it with \`git lfs pull\`.`, {
    hint: "Install git-lfs first where git does not know the command, or download the file from its page.",
  });
}
