import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { DataError } from "../errors.ts";
import { readPictureFile } from "./picture-file.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-picture-file-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe("readPictureFile", () => {
  test("gives a file's bytes, of several chunks too", async () => {
    for (const size of [0, 5, 3 * 2 ** 20 + 1]) {
      const path = join(folder, `${size}`);
      const bytes = Buffer.alloc(size, "picture");
      await writeFile(path, bytes);
      expect(Buffer.compare(await readPictureFile(path), bytes)).toBe(0);
    }
  });

  test.skipIf(!existsSync("/dev/zero"))("ends where a device has no end", async () => {
    const attempt = readPictureFile("/dev/zero");
    await expect(attempt).rejects.toThrow(DataError);
    await expect(attempt).rejects.toThrow("/dev/zero is larger than 256.0 MiB.");
  });

  test("refuses a file that is larger than any picture", async () => {
    const path = join(folder, "film.mov");
    await writeFile(path, "");
    await truncate(path, 2 ** 40);
    await expect(readPictureFile(path)).rejects.toThrow("film.mov is larger than");
  });

  test.skipIf(process.platform === "win32")("reads a pipe to its end", async () => {
    const path = join(folder, "pipe");
    await promisify(execFile)("mkfifo", [path]);
    const [bytes] = await Promise.all([readPictureFile(path), writeFile(path, "from a pipe")]);
    expect(Buffer.from(bytes).toString()).toBe("from a pipe");
  });

  test("names what cannot be read", async () => {
    await expect(readPictureFile(join(folder, "no.png"))).rejects.toThrow("Cannot read the picture");
    await expect(readPictureFile(folder)).rejects.toThrow("which is a folder");
  });
});
