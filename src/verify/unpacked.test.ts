import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { CheckpointError, DataError } from "../errors.ts";
import { unpack } from "./unpacked.ts";

let folder = "";
/** Where it unpacks to. */
let temporary = "";
beforeAll(() => {
  temporary = mkdtempSync(join(tmpdir(), "earl-unpacked-"));
  vi.stubEnv("TMPDIR", temporary);
  folder = join(temporary, "recording");
  mkdirSync(folder);
  writeFileSync(join(folder, "plain.json"), "{}");
  writeFileSync(join(folder, "packed.json.gz"), gzipSync("x".repeat(100_000)));
});

afterAll(() => {
  vi.unstubAllEnvs();
});

describe("unpack", () => {
  test("gives plain files as they are, packed ones without the ending, until it is disposed of", async () => {
    {
      await using unpacked = await unpack(folder);
      expect(readFileSync(join(unpacked.directory, "plain.json"), "utf8")).toBe("{}");
      expect(readFileSync(join(unpacked.directory, "packed.json"), "utf8")).toHaveLength(100_000);
      const fault = new CheckpointError(`${join(unpacked.directory, "plain.json")} is damaged.`);
      expect(unpacked.inItsOwnWords(fault)).toMatchObject({
        message: `${join(folder, "plain.json")} is damaged.`,
      });
    }
    expect(readdirSync(temporary)).toEqual(["recording"]);
  });

  test("stops where a packed file holds more than there is room for, and leaves nothing", async () => {
    await expect(unpack(folder, 99_999)).rejects.toThrow(DataError);
    await expect(unpack(folder, 99_999)).rejects.toThrow("packed.json.gz unpacks to more than 97.7 KiB");
    expect(readdirSync(temporary)).toEqual(["recording"]);
  });

  test("names what is neither a file nor a folder", async () => {
    await expect(unpack("/dev/zero")).rejects.toThrow("/dev/zero is neither a file nor a folder.");
  });
});
