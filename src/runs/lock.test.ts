import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

import { beforeEach, describe, expect, test } from "vitest";

import { ConfigError } from "../errors.ts";
import { acquireLock } from "./lock.ts";

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

const owner = (pid: number, host = hostname()): string => JSON.stringify({ pid, host, started: "" });

describe("acquireLock", () => {
  test("holds until it is given back", () => {
    {
      using lock = acquireLock(path);
      expect(lock).toBeDefined();
      expect(() => acquireLock(path)).toThrow(`written by process ${process.pid}`);
      expect(readdirSync(folder)).toEqual(["lock.json"]);
    }
    expect(existsSync(path)).toBe(false);
    acquireLock(path)[Symbol.dispose]();
  });

  test("takes over the lock of a process that died", () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    writeFileSync(path, owner(pid));
    using lock = acquireLock(path);
    expect(lock).toBeDefined();
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ pid: process.pid });
    expect(readdirSync(folder)).toEqual(["lock.json"]);
  });

  test("takes over a lock whose owner's number a later process has", () => {
    const other = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"], { stdio: "ignore" });
    try {
      writeFileSync(path, JSON.stringify({ pid: other.pid, host: hostname(), started: "another boot/1" }));
      expect(attempt(() => acquireLock(path)[Symbol.dispose]()).error).toBeUndefined();
    } finally {
      other.kill();
    }
  });

  test("takes over a lock that cannot be read", () => {
    writeFileSync(path, "{");
    expect(attempt(() => acquireLock(path)[Symbol.dispose]()).error).toBeUndefined();
  });

  test("leaves the lock of another machine alone and says how to free it", () => {
    writeFileSync(path, owner(1, "far-away"));
    const { error } = attempt(() => acquireLock(path));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toHaveProperty("hint", expect.stringContaining(`delete ${path}`));
    expect(readFileSync(path, "utf8")).toBe(owner(1, "far-away"));
  });
});
