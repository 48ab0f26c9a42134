import { spawnSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { beforeEach, describe, expect, test } from "vitest";

import { DataError, EngineError } from "../errors.ts";
import {
  placeOfTemporary,
  temporaryName,
  writeDirectoryAtomically,
  writeFault,
  writeFileAtomically,
} from "./atomic-write.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "earl-atomic-"));
});

describe("writeFileAtomically", () => {
  test("writes and replaces a file and leaves nothing else", () => {
    const path = join(folder, "a.json");
    writeFileAtomically(path, "one");
    writeFileAtomically(path, new Uint8Array([50]));
    expect(readFileSync(path, "utf8")).toBe("2");
    expect(readdirSync(folder)).toEqual(["a.json"]);
  });

  test("writes through a link, which stays one", () => {
    writeFileSync(join(folder, "there"), "old");
    symlinkSync("there", join(folder, "link"));
    writeFileAtomically(join(folder, "link"), "new");
    expect(readFileSync(join(folder, "there"), "utf8")).toBe("new");
    expect(lstatSync(join(folder, "link")).isSymbolicLink()).toBe(true);
  });

  test("keeps the old file and no temporary one when the place cannot be written", () => {
    mkdirSync(join(folder, "taken", "inside"), { recursive: true });
    expect(() => writeFileAtomically(join(folder, "taken"), "x")).toThrow(DataError);
    expect(() => writeFileAtomically(join(folder, "absent", "a"), "x")).toThrow(/folder does not exist/);
    expect(readdirSync(folder)).toEqual(["taken"]);
  });
});

describe("writeDirectoryAtomically", () => {
  test("shows the folder only when it is complete", async () => {
    const path = join(folder, "checkpoint");
    await writeDirectoryAtomically(path, async (temporary) => {
      writeFileSync(join(temporary, "weights"), "w");
      expect(readdirSync(folder).map(placeOfTemporary)).toEqual(["checkpoint"]);
    });
    expect(readdirSync(folder)).toEqual(["checkpoint"]);
    expect(readFileSync(join(path, "weights"), "utf8")).toBe("w");
  });

  test("takes the place of an empty folder, and of nothing that holds something", async () => {
    const path = join(folder, "checkpoint");
    const write = (name: string): Promise<void> =>
      writeDirectoryAtomically(path, async (temporary) => writeFileSync(join(temporary, name), ""));
    mkdirSync(path);
    await write("first");
    await expect(write("second")).rejects.toThrow("a folder of that name is there and holds something");
    expect(readdirSync(path)).toEqual(["first"]);
    expect(readdirSync(folder)).toEqual(["checkpoint"]);
  });

  test("leaves nothing when the writer fails", async () => {
    const failed = writeDirectoryAtomically(join(folder, "checkpoint"), async (temporary) => {
      writeFileSync(join(temporary, "half"), "");
      throw new Error("stopped");
    });
    await expect(failed).rejects.toThrow("stopped");
    expect(readdirSync(folder)).toEqual([]);
  });

  test("removes what an attempt left that was killed, and not what another one is writing", async () => {
    const path = join(folder, "checkpoint");
    const { pid: dead } = spawnSync(process.execPath, ["-e", ""]);
    const own = basename(temporaryName(path));
    const of = (pid: number | undefined): string => own.replace(`-${process.pid}-`, `-${pid}-`);
    for (const name of [of(dead), of(1), own, "checkpoint.tmp-12-3", `mine${of(dead)}`])
      mkdirSync(join(folder, name));
    await writeDirectoryAtomically(path, async () => undefined);
    expect(readdirSync(folder).toSorted()).toEqual(
      ["checkpoint", of(1), own, "checkpoint.tmp-12-3", `mine${of(dead)}`].toSorted(),
    );
  });
});

describe("writeFault", () => {
  test("says that the disk is full and what to do", () => {
    const cause = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    const fault = writeFault(cause, "runs/a/events.jsonl");
    expect(fault).toBeInstanceOf(EngineError);
    expect(fault).toMatchObject({ message: "Cannot write runs/a/events.jsonl: the disk is full.", cause });
    expect((fault as EngineError).hint).toMatch(/Free some space/);
  });

  test("leaves other errors as they are", () => {
    const defect = new TypeError("x is undefined");
    expect(writeFault(defect, "a")).toBe(defect);
    const ours = new DataError("no picture");
    expect(writeFault(ours, "a")).toBe(ours);
  });
});
