import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

import { beforeEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";

import { ConfigError } from "../errors.ts";
import { systemClock } from "./clock.ts";
import { acquireLock, isHeld } from "./lock.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "earl-lock-"));
  path = join(folder, "lock.json");
});

function attempt(action: () => unknown): { error?: unknown } {
  try {
    action();
    return {};
  } catch (error) {
    return { error };
  }
}

const owner = (fields: object): string =>
  JSON.stringify({ pid: 1, host: hostname(), started: "", processes: "", ...fields });

/** Writes a lock whose last sign of life was so many seconds ago. */
function leave(text: string, secondsAgo = 0): void {
  writeFileSync(path, text);
  const then = systemClock.now() / 1000 - secondsAgo;
  utimesSync(path, then, then);
}

const isFree = (): boolean => {
  try {
    acquireLock(path)[Symbol.dispose]();
    return true;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
};

/** What a process that runs writes into its lock. */
async function running(): Promise<{ lock: object; stop: () => void }> {
  const other = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"], { stdio: "ignore" });
  await once(other, "spawn");
  using _ = acquireLock(path);
  const own = z.looseObject({ processes: z.string() }).parse(JSON.parse(readFileSync(path, "utf8")));
  const fields = readFileSync(`/proc/${other.pid}/stat`, "utf8").split(") ").at(-1)?.split(" ");
  return { lock: { ...own, pid: other.pid, started: fields?.[19] }, stop: () => void other.kill() };
}

describe("acquireLock", () => {
  test("holds until it is given back, and leaves nothing", () => {
    {
      using lock = acquireLock(path);
      lock.requireHeld();
      expect(isHeld(path)).toBe(true);
      expect(() => acquireLock(path)).toThrow(`written by process ${process.pid} on ${hostname()}`);
      expect(readdirSync(folder)).toEqual(["lock.json"]);
    }
    expect(isHeld(path)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
    expect(isFree()).toBe(true);
  });

  test("takes over the lock of a process that died, at once", () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    leave(owner({ pid }));
    expect(isHeld(path)).toBe(false);
    using lock = acquireLock(path);
    lock.requireHeld();
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ pid: process.pid });
    expect(readdirSync(folder)).toEqual(["lock.json"]);
  });

  test.skipIf(!existsSync("/proc/self/stat"))(
    "leaves the lock of a process that runs, and takes one over whose number a later process has",
    async () => {
      const { lock, stop } = await running();
      try {
        // Long without a sign of life: it may be stopped, but it runs.
        leave(owner(lock), 3600);
        expect(isFree()).toBe(false);
        leave(owner({ ...lock, started: "1" }));
        expect(isFree()).toBe(true);
      } finally {
        stop();
      }
    },
  );

  test.each([0, -1, 1.5, "1", null])("does not take the process number %j for somebody", (pid) => {
    leave(owner({ pid }), 6);
    expect(isHeld(path)).toBe(false);
    expect(isFree()).toBe(true);
  });

  test.each(["", "{", "[]", "null", '{"pid":1}'])(
    "takes over a lock that says %j, after a moment",
    (text) => {
      leave(text, 0);
      expect(isFree()).toBe(false);
      leave(text, 6);
      expect(isFree()).toBe(true);
    },
  );

  test.each<[string, object]>([
    ["another machine", { host: "far-away" }],
    ["another container", { processes: "the same boot/another container" }],
  ])("takes over the lock of %s when it has shown no life for a minute", (_, fields) => {
    leave(owner(fields), 50);
    expect(() => acquireLock(path)).toThrow(ConfigError);
    expect(isHeld(path)).toBe(true);
    leave(owner(fields), 70);
    expect(isHeld(path)).toBe(false);
    expect(isFree()).toBe(true);
  });

  test("says when the other machine was last seen, and how to free the lock", () => {
    leave(owner({ host: "far-away" }), 20);
    expect(attempt(() => acquireLock(path)).error).toHaveProperty(
      "hint",
      expect.stringMatching(/2\d s ago.*try again in a minute, or delete .*lock\.json/),
    );
    expect(readFileSync(path, "utf8")).toBe(owner({ host: "far-away" }));
  });

  test("notices that another process took it over", () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
    try {
      using lock = acquireLock(path);
      leave(owner({ host: "far-away" }));
      vi.advanceTimersByTime(31_000);
      expect(() => lock.requireHeld()).toThrow("took the run over");
    } finally {
      vi.useRealTimers();
    }
    // What is another's is not removed.
    expect(readFileSync(path, "utf8")).toBe(owner({ host: "far-away" }));
  });

  test("shows life every few seconds, and comes back where it was deleted by hand", () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
    try {
      using lock = acquireLock(path);
      utimesSync(path, 0, 0);
      vi.advanceTimersByTime(5000);
      expect(statSync(path).mtimeMs).toBeGreaterThan(0);
      rmSync(path);
      vi.advanceTimersByTime(5000);
      lock.requireHeld();
      expect(existsSync(path)).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  test("goes on where one was killed while it removed a dead lock", () => {
    const dead = owner({ pid: spawnSync(process.execPath, ["-e", ""]).pid });
    leave(dead);
    const right = `${path}.dead-${createHash("sha256").update(dead).digest("hex").slice(0, 16)}`;
    writeFileSync(right, "");
    utimesSync(right, 0, 0);
    expect(isFree()).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  });
});
