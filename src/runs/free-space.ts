/** Room on the disk, asked before the work whose result needs it. */

import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import { EngineError } from "../errors.ts";
import { formatBytes } from "../format.ts";
import { errorCode } from "./atomic-write.ts";

/** Throws EngineError where the disk of a path, which need not be there yet, has fewer bytes left. */
export async function requireFreeSpace(path: string, bytes: number): Promise<void> {
  const free = await freeSpace(resolve(path));
  if (free === undefined || free >= bytes) return;
  throw new EngineError(`${path} needs ${formatBytes(bytes)}; its disk has ${formatBytes(free)} left.`, {
    hint: "Free some space, or choose a folder on another disk.",
  });
}

/** Bytes that this user may fill; undefined where the system does not say. */
async function freeSpace(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch (error) {
    if (errorCode(error) === "ENOENT" && dirname(path) !== path) return freeSpace(dirname(path));
    return undefined;
  }
}
