/**
 * Hugging Face's cache on disk: `models--owner--name/` with `refs/` (branch → commit), `blobs/` (content by hash) and
 * `snapshots/<commit>/` (links to blobs). What another library fetched is found here, and the other way round.
 */

import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

import { DataError } from "../errors.ts";
import type { HubAddress } from "./hub-address.ts";

type Repository = Pick<HubAddress, "kind" | "name">;

export function repositoryFolder(cache: string, { kind, name }: Repository): string {
  return join(cache, `${kind}s--${name.replace("/", "--")}`);
}

export function snapshotFolder(cache: string, repository: Repository, commit: string): string {
  return join(repositoryFolder(cache, repository), "snapshots", commit);
}

export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);

/** The commit that a revision stood for when it was asked about last; undefined where nobody asked. */
export function knownCommit(cache: string, repository: Repository, revision: string): string | undefined {
  if (isCommit(revision)) return revision;
  const path = refPath(cache, repository, revision);
  return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
}

export function refPath(cache: string, repository: Repository, revision: string): string {
  const path = join(repositoryFolder(cache, repository), "refs", revision);
  requireInside(join(repositoryFolder(cache, repository), "refs"), path);
  return path;
}

/** Where a file of a commit lies, or will. Throws DataError for a name that leads out of the snapshot. */
export function filePathIn(snapshot: string, file: string): string {
  const path = join(snapshot, file);
  requireInside(snapshot, path);
  return path;
}

function requireInside(folder: string, path: string): void {
  const way = relative(folder, path);
  if (way !== "" && !way.startsWith("..") && !way.startsWith("/")) return;
  throw new DataError(`The hub names a file outside its folder: ${path}.`, {
    hint: "Do not use this repository.",
  });
}

/** Gives a blob its name in a snapshot: a link, or a copy where the file system has none. */
export async function nameBlob(blob: string, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const target = relative(dirname(path), blob);
  try {
    symlinkSync(target, path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") {
      if (linkTarget(path) === target) return;
      rmSync(path);
      symlinkSync(target, path);
      return;
    }
    await copyFile(blob, path);
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
