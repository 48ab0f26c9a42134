/**
 * Where the pictures lie that a list names: a folder, or the archives in it. Names come from files that somebody else
 * wrote, so none may lead out of the folder, neither by itself nor through a link.
 */

import { readdir, realpath } from "node:fs/promises";
import { isAbsolute, join, resolve, sep } from "node:path";

import { readPictureFile } from "../../images/picture-file.ts";
import { isFailedRead, messageOf } from "./byte-source.ts";
import { TarArchive, type TarEntry } from "./tar-archive.ts";
import { ZipArchive } from "./zip-archive.ts";

export interface PictureStore {
  /** The content of a file, or what is wrong with it, as a clause. Throws DataError where the disk or an archive fails. */
  read(name: string): Promise<Uint8Array | { readonly broken: string }>;
}

export interface StoreOptions {
  /** Folders in it where files and archives may lie, too. */
  readonly within?: readonly string[];
  /** Names of the archives that are looked into; all of them unless given. */
  readonly archived?: RegExp;
  readonly password?: string;
}

interface Archive {
  has(name: string): boolean;
  read(name: string): Promise<Uint8Array | undefined>;
}

/**
 * The pictures of a folder: files are looked for in it and in the folders `within`, then in its archives, by the name and
 * by the name without its first folder. Throws DataError for an archive that cannot be read.
 */
export async function pictureStore(
  folder: string,
  { within = [], archived = /./, password }: StoreOptions = {},
): Promise<PictureStore> {
  const roots = [folder, ...within.map((name) => join(folder, name))];
  const allowed = await allowedRoots(folder);
  const archives = once(() => openArchives(roots, archived, password));
  return {
    async read(name) {
      if (name === "" || isClimbing(name))
        return { broken: `the name ${JSON.stringify(name)} leads out of its folder` };
      for (const root of roots) {
        const path = join(root, name);
        const real = await realpath(path).catch(() => undefined);
        if (real === undefined) continue;
        if (!allowed.some((one) => real.startsWith(one + sep))) {
          return { broken: `${path} is a link that leads out of its folder` };
        }
        return readPictureFile(real);
      }
      for (const archive of await archives()) {
        const found = candidates(name).find((one) => archive.has(one));
        if (found === undefined) continue;
        try {
          return plainBytes((await archive.read(found))!);
        } catch (cause) {
          if (isFailedRead(cause)) throw cause;
          return { broken: messageOf(cause) };
        }
      }
      return { broken: `${join(folder, name)} is not there` };
    },
  };
}

/** The same bytes, as what they are called: a Buffer compares otherwise. */
function plainBytes({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

function isClimbing(name: string): boolean {
  return (
    isAbsolute(name) || /^[a-z]:/i.test(name) || name.split(/[/\\]/).includes("..") || name.includes("\0")
  );
}

function candidates(name: string): string[] {
  const parts = name.split("/");
  return [...parts.keys()]
    .slice(0, -1)
    .map((from) => parts.slice(from).join("/"))
    .concat(parts.length === 1 ? [name] : []);
}

/** The folder itself; for a snapshot in the hub's cache also the blobs that its links lead to. */
async function allowedRoots(folder: string): Promise<string[]> {
  const real = await realpath(folder).catch(() => resolve(folder));
  const [, repository] = /^(.*)[/\\]snapshots[/\\][^/\\]+(?:[/\\]|$)/.exec(real) ?? [];
  return repository === undefined ? [real] : [real, join(repository, "blobs")];
}

async function openArchives(
  folders: readonly string[],
  archived: RegExp,
  password: string | undefined,
): Promise<Archive[]> {
  const archives: Archive[] = [];
  for (const folder of folders) {
    const names = (await readdir(folder).catch((): string[] => [])).toSorted();
    for (const name of names.filter((one) => archived.test(one))) {
      const path = join(folder, name);
      if (name.endsWith(".zip")) {
        archives.push(await ZipArchive.open(path, password === undefined ? {} : { password }));
      } else if (name.endsWith(".tar")) archives.push(await tarOf(path));
    }
  }
  return archives;
}

async function tarOf(path: string): Promise<Archive> {
  const archive = await TarArchive.open(path);
  const entries = new Map<string, TarEntry>();
  for await (const entry of archive.entries()) {
    const name = entry.name.replace(/^\.\//, "");
    if (!entries.has(name)) entries.set(name, entry);
  }
  return {
    has: (name) => entries.has(name),
    read: async (name) => {
      const entry = entries.get(name);
      return entry === undefined ? undefined : archive.read(entry);
    },
  };
}
