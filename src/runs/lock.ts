/**
 * One process at a time writes a run. The lock is a file that names its owner; an owner that died without
 * removing it (kill -9, power cut) is recognised and its lock taken over.
 */

import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";

import { z } from "zod";

import { ConfigError } from "../errors.ts";
import { errorCode, writeFault } from "./atomic-write.ts";
import { readJson } from "./run-directory.ts";

const Owner = z.object({
  pid: z.int(),
  host: z.string(),
  /** When the process started, in the kernel's words: tells a later process with the same number apart. */
  started: z.string(),
});
type Owner = z.infer<typeof Owner>;

/** Start of a process in clock ticks since boot, and the boot it belongs to; "" where the system does not say. */
function startOf(pid: number): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    // The command name is in brackets and may hold spaces; field 22 counts from after it.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ");
    return `${boot}/${fields?.[19] ?? ""}`;
  } catch {
    return "";
  }
}

function isRunning(owner: Owner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (errorCode(error) === "ESRCH") return false;
  }
  return owner.started === startOf(owner.pid);
}

/**
 * Takes the lock at `path`; dispose of the result to give it back.
 * Throws ConfigError when another process holds it, or may hold it on another machine.
 */
export function acquireLock(path: string): Disposable {
  const owner: Owner = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
  // Named as a temporary file, so that a resume sweeps away what a kill leaves.
  const own = `${path}.tmp-${process.pid}-0`;
  try {
    // A link appears with its content at once, so nobody reads a lock that is half written.
    writeFileSync(own, JSON.stringify(owner));
  } catch (error) {
    throw writeFault(error, path);
  }
  try {
    if (!link(own, path)) {
      removeDeadOwner(path);
      if (!link(own, path)) throw heldBy(path, readOwner(path));
    }
  } finally {
    rmSync(own, { force: true });
  }
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw writeFault(error, to);
  }
}

function removeDeadOwner(path: string): void {
  const found = readOwner(path);
  if (found !== undefined && (found.host !== hostname() || isRunning(found))) throw heldBy(path, found);
  const aside = `${path}.tmp-${process.pid}-1`;
  renameSync(path, aside);
  const moved = readOwner(aside);
  // Somebody else took the dead lock over in between: theirs goes back.
  if (moved !== undefined && moved.pid !== found?.pid) link(aside, path);
  rmSync(aside, { force: true });
}

function readOwner(path: string): Owner | undefined {
  try {
    return Owner.parse(readJson(path));
  } catch {
    return undefined;
  }
}

function heldBy(path: string, owner: Owner | undefined): ConfigError {
  const who = owner === undefined ? "another process" : `process ${owner.pid} on ${owner.host}`;
  const elsewhere = owner !== undefined && owner.host !== hostname();
  return new ConfigError(`The run is being written by ${who}.`, {
    hint: elsewhere
      ? `If nothing runs there any more, delete ${path}.`
      : "Wait until it ends, stop it, or choose another `name`.",
  });
}

/** True where a process that still runs (or may, on another machine) holds the lock at `path`. */
export function isHeld(path: string): boolean {
  const owner = readOwner(path);
  return owner !== undefined && (owner.host !== hostname() || isRunning(owner));
}
