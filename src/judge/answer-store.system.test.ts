import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConfigError } from "../errors.ts";
import { AnswerStore, STORE_FILE } from "./answer-store.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "earl-answers-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const MUCH = 100_000_000;

/** Another process that opens the store and does what `test/judge-server/store-writer.ts` says. */
function startWriter(...words: string[]) {
  const script = fileURLToPath(new URL("../../test/judge-server/store-writer.ts", import.meta.url));
  const child = spawn(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), script, directory, ...words],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
  const said = (word: string): Promise<void> =>
    new Promise((resolve) => {
      child.stdout.on("data", (chunk: Buffer) => {
        if (chunk.toString().includes(word)) resolve();
      });
    });
  return { child, ended, said };
}

describe("AnswerStore", () => {
  test("keeps answers when it is closed and opened again", async () => {
    {
      using store = await AnswerStore.open(directory, MUCH);
      store.put("a", { scores: [7, 8], reasoning: "é \u0000 \uD83D\uDE00" });
    }
    using again = await AnswerStore.open(directory, MUCH);
    expect(again.get("a")).toEqual({ scores: [7, 8], reasoning: "é \u0000 \uD83D\uDE00" });
    expect(again.get("b")).toBeUndefined();
  });
  test("may be open twice in one process, and closing one leaves the other", async () => {
    using one = await AnswerStore.open(directory, MUCH);
    const other = await AnswerStore.open(directory, MUCH);
    other.put("a", 1);
    other[Symbol.dispose]();
    expect(one.get("a")).toBe(1);
    one.put("b", 2);
    expect(one.get("b")).toBe(2);
  });
  test("stays within its bound on disk, keeps what is used and lets go of what was not for long", async () => {
    const mostBytes = 2_000_000;
    let hours = 0;
    const clock = { now: () => hours * 3_600_000, seconds: () => 0 };
    using store = await AnswerStore.open(directory, mostBytes, clock);
    store.put("used", "kept");
    store.put("unused", "gone");
    for (let round = 0; round < 60; round += 1) {
      hours += 2;
      for (let index = 0; index < 300; index += 1) store.put(`${round} ${index}`, "x".repeat(300));
      expect(store.get("used")).toBe("kept");
      expect(store.figures().sizeBytes).toBeLessThan(1.1 * mostBytes);
    }
    expect(store.get("unused")).toBeUndefined();
    expect(store.get("59 299")).toBe("x".repeat(300));
    expect(statSync(join(directory, STORE_FILE)).size).toBeLessThan(1.1 * mostBytes);
  });
  test("can be emptied", async () => {
    using store = await AnswerStore.open(directory, MUCH);
    store.put("a", 1);
    expect(store.figures().entries).toBe(1);
    store.clear();
    expect(store.figures().entries).toBe(0);
    expect(store.get("a")).toBeUndefined();
  });
  test("several processes write and read at once without losing an answer", async () => {
    const writers = ["0", "1", "2"].map((name) => startWriter("write", name, "400"));
    expect(await Promise.all(writers.map(({ ended }) => ended))).toEqual([0, 0, 0]);
    using store = await AnswerStore.open(directory, MUCH);
    for (const name of ["0", "1", "2"]) {
      for (let index = 0; index < 400; index += 1)
        expect(store.get(`${name} ${index}`)).toEqual({ name, index });
    }
  });
  test("a process that is killed while it writes leaves the store whole and usable", async () => {
    using store = await AnswerStore.open(directory, MUCH);
    const { child, ended, said } = startWriter("write", "killed", "1000000");
    await said("100\n");
    child.kill("SIGKILL");
    await ended;
    for (let index = 0; index < 100; index += 1)
      expect(store.get(`killed ${index}`)).toEqual({ name: "killed", index });
    store.put("after", 1);
    expect(store.get("after")).toBe(1);
  });
  test.each([
    ["a file in place of the folder", () => writeFileSync(join(directory, "file"), ""), "file"],
    ["a file that is no store", () => writeFileSync(join(directory, STORE_FILE), "x".repeat(10_000)), "."],
  ])("says what is wrong with %s", async (_, spoil, at) => {
    spoil();
    await expect(AnswerStore.open(join(directory, at), MUCH)).rejects.toThrow(ConfigError);
  });
  test("a store that is damaged while it is open costs answers, never the process", async () => {
    {
      using store = await AnswerStore.open(directory, MUCH);
      for (let index = 0; index < 2000; index += 1) store.put(`${index}`, index);
    }
    const path = join(directory, STORE_FILE);
    const bytes = readFileSync(path);
    // Past the first pages, which hold the schema.
    for (let at = 3 * 4096; at < bytes.length; at += 97) bytes[at] = 0xff;
    writeFileSync(path, bytes);
    using store = await AnswerStore.open(directory, MUCH);
    for (let index = 0; index < 2000; index += 1) expect([index, undefined]).toContain(store.get(`${index}`));
  });
});
