import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { beforeEach, describe, expect, test } from "vitest";

import { DataError, EngineError } from "../errors.ts";
import {
  isTemporaryName,
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
      expect(readdirSync(folder).every(isTemporaryName)).toBe(true);
    });
    expect(readdirSync(folder)).toEqual(["checkpoint"]);
    expect(readFileSync(join(path, "weights"), "utf8")).toBe("w");
  });

  test("replaces a folder of that name with all its files", async () => {
    const path = join(folder, "checkpoint");
    await writeDirectoryAtomically(path, async (temporary) => writeFileSync(join(temporary, "old"), ""));
    await writeDirectoryAtomically(path, async (temporary) => writeFileSync(join(temporary, "new"), ""));
    expect(readdirSync(path)).toEqual(["new"]);
    expect(readdirSync(folder)).toEqual(["checkpoint"]);
  });

  test("leaves the old folder alone when the writer fails", async () => {
    const path = join(folder, "checkpoint");
    await writeDirectoryAtomically(path, async (temporary) => writeFileSync(join(temporary, "old"), ""));
    const failed = writeDirectoryAtomically(path, async (temporary) => {
      writeFileSync(join(temporary, "half"), "");
      throw new Error("stopped");
    });
    await expect(failed).rejects.toThrow("stopped");
    expect(readdirSync(path)).toEqual(["old"]);
    expect(readdirSync(folder)).toEqual(["checkpoint"]);
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
