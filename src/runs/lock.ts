/**
 * One process at a time writes a run. The lock is a file that names its owner, who refreshes it every few seconds. One
 * left by an owner that died (kill -9, power cut, a container that moved) is recognised and taken over: at once where
 * the owner's process can be looked up, after a minute without a sign of life where it cannot. Needs nothing of the
 * file system but that of two processes that make one file only one succeeds.
 */

import { createHash } from "node:crypto";
import {
  closeSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

import { z } from "zod";

import { ConfigError, EngineError } from "../errors.ts";
import { errorCode, temporaryName, writeFault } from "./atomic-write.ts";
import { systemClock } from "./clock.ts";

/** How often an owner shows that it lives. */
const BEAT_MS = 5000;
/** An owner of another machine that has shown nothing for so long is dead. */
const STALE_MS = 60_000;
/** Making a lock, or removing a dead one, takes far less. */
const MOMENT_MS = 5000;
/** What file systems say that have no second names for a file. */
const NO_LINKS: ReadonlySet<string> = new Set([
  "EPERM",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "EMLINK",
  "EACCES",
]);

const Owner = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** When the process started, in the kernel's words: tells a later process with the same number apart. */
  started: z.string(),
  /** The numbers that `pid` is one of: a boot and a container. "" where the system does not say. */
  processes: z.string().default(""),
});
type Owner = z.infer<typeof Owner>;

export interface RunLock extends Disposable {
  /** Throws EngineError where the lock was lost while this process was stopped: somebody else writes the run. */
  requireHeld(): void;
}

/**
 * Takes the lock at `path`; dispose of the result to give it back. Throws ConfigError where another process holds it,
 * DataError or EngineError where no file can be made there.
 */
export function acquireLock(path: string): RunLock {
  const text = JSON.stringify(thisProcess());
  const begun = systemClock.now();
  while (!make(path, text)) {
    const found = inspect(path, fileTime(path));
    if (found === undefined) continue;
    if (found.isLive || systemClock.now() - begun > 2 * MOMENT_MS) throw heldBy(path, found);
    removeDead(path, found.text);
  }
  return new HeldLock(path, text);
}

/** True where a process that lives holds the lock at `path`. */
export function isHeld(path: string): boolean {
  return inspect(path, systemClock.now())?.isLive === true;
}

/** True for a file that is a lock, or may have been one when its machine lost power. */
export function isLock(path: string): boolean {
  const text = textOf(path);
  return text === undefined || text === "" || ownerOf(text) !== undefined;
}

class HeldLock implements RunLock {
  readonly #path: string;
  readonly #text: string;
  readonly #timer: NodeJS.Timeout;
  #lastBeat = systemClock.now();
  #isLost = false;

  constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
    this.#timer = setInterval(() => this.#beat(), BEAT_MS);
    this.#timer.unref();
  }

  requireHeld(): void {
    // The wall clock goes on while a machine sleeps. Unless beats were missed, nobody can have thought us dead.
    if (systemClock.now() - this.#lastBeat > STALE_MS / 2) this.#beat();
    if (!this.#isLost) return;
    throw new EngineError(`Another process took the run over while this one stood still: ${this.#path}`, {
      hint: "Stop that one before you resume the run here.",
    });
  }

  /** Writes the same bytes again, so that the time of the file is one by the clock that everybody reads. */
  #beat(): void {
    try {
      const descriptor = openSync(this.#path, "r+");
      try {
        this.#isLost ||= readFileSync(descriptor, "utf8") !== this.#text;
        if (!this.#isLost) writeSync(descriptor, this.#text, 0);
      } finally {
        closeSync(descriptor);
      }
      this.#lastBeat = systemClock.now();
    } catch (error) {
      // Deleted by hand; nobody has taken it yet, or somebody has just now.
      if (errorCode(error) === "ENOENT") this.#isLost ||= !make(this.#path, this.#text);
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (textOf(this.#path) === this.#text) rmSync(this.#path, { force: true });
  }
}

/**
 * Makes the lock; false where one is there. It appears with its owner in it, so that a kill in this moment leaves none
 * that nobody can be read from.
 */
function make(path: string, text: string): boolean {
  const whole = temporaryName(path);
  try {
    writeFileSync(whole, text, { flag: "wx" });
    linkSync(whole, path);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    if (!NO_LINKS.has(errorCode(error) ?? "")) throw writeFault(error, path);
    return makeWithoutLinks(path, text);
  } finally {
    rmSync(whole, { force: true });
  }
}

function makeWithoutLinks(path: string, text: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(path, "wx");
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw writeFault(error, path);
  }
  try {
    writeSync(descriptor, text);
    return true;
  } catch (error) {
    rmSync(path, { force: true });
    throw writeFault(error, path);
  } finally {
    closeSync(descriptor);
  }
}

interface FoundLock {
  readonly text: string;
  /** Undefined where nobody can be read from it. */
  readonly owner: Owner | undefined;
  readonly isLive: boolean;
  /** Milliseconds since its last sign of life. */
  readonly age: number;
}

/** The lock as it is at `now`, in milliseconds since 1970; undefined where there is none. */
function inspect(path: string, now: number): FoundLock | undefined {
  const text = textOf(path);
  const modified = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  if (text === undefined || modified === undefined) return undefined;
  const age = now - modified;
  const owner = ownerOf(text);
  // One that cannot be read is being made in this moment, or was when its machine lost power.
  const isLive = owner === undefined ? age < MOMENT_MS : (runs(owner) ?? age < STALE_MS);
  return { text, owner, isLive, age };
}

/** Whether the owner's process runs; undefined where that cannot be looked up from here. */
function runs(owner: Owner): boolean | undefined {
  const here = thisProcess();
  if (owner.host !== here.host) return undefined;
  if (owner.processes !== "" && owner.processes !== here.processes) return undefined;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (errorCode(error) === "ESRCH") return false;
  }
  const started = startOf(owner.pid);
  // An older earl wrote the boot before it.
  return started === "" || owner.started === "" ? undefined : owner.started.split("/").at(-1) === started;
}

const RIGHT = ".dead-";

/** Deletes rights that nobody needs while the lock is held: those left by a kill. */
export function removeLockRights(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (/^lock\.json\.dead-[0-9a-f]{16}$/.test(name)) rmSync(join(folder, name), { force: true });
  }
}

/**
 * Removes a lock that is still the dead one that was read. The right to do so is a file too, named after that lock, so
 * that nobody removes the one that its successor has made.
 */
function removeDead(path: string, text: string): void {
  const right = `${path}${RIGHT}${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
  if (!make(right, "")) {
    const age = fileTime(path) - (statSync(right, { throwIfNoEntry: false })?.mtimeMs ?? Infinity);
    // Its owner was killed in this moment.
    if (age > MOMENT_MS) rmSync(right, { force: true });
    return;
  }
  try {
    if (textOf(path) === text) rmSync(path, { force: true });
  } finally {
    rmSync(right, { force: true });
  }
}

/** The time by the clock of the file system, which need not be this machine's. */
function fileTime(path: string): number {
  const trial = temporaryName(path);
  try {
    writeFileSync(trial, "", { flag: "wx" });
    return statSync(trial).mtimeMs;
  } catch (error) {
    throw writeFault(error, path);
  } finally {
    rmSync(trial, { force: true });
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw writeFault(error, path);
  }
}

function ownerOf(text: string): Owner | undefined {
  try {
    return Owner.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function thisProcess(): Owner {
  return { pid: process.pid, host: hostname(), started: startOf(process.pid), processes: processSpace() };
}

/** Start of a process in clock ticks since boot, "ended" of one that only waits to be noticed; "" where the system does not say. */
function startOf(pid: number): string {
  try {
    // The command name is in brackets and may hold spaces; fields 3 and 22 count from after it.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return fields[0] === "Z" ? "ended" : (fields[19] ?? "");
  } catch {
    return "";
  }
}

/** The boot and the container that this process's number belongs to. */
function processSpace(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot}/${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return "";
  }
}

function heldBy(path: string, { owner, age }: FoundLock): ConfigError {
  const who = owner === undefined ? "another process" : `process ${owner.pid} on ${owner.host}`;
  const isElsewhere = owner !== undefined && runs(owner) === undefined;
  return new ConfigError(`The run is being written by ${who}.`, {
    hint: isElsewhere
      ? `It showed a sign of life ${Math.max(0, Math.round(age / 1000))} s ago. Stop it; if it is dead, try again in a minute, or delete ${path}.`
      : "Wait until it ends, stop it, or choose another `name`.",
  });
}
