import { describe, expect, test } from "vitest";

import { zipOf } from "../../../test/small/zip-of.ts";
import { DataError } from "../../errors.ts";
import { bytesSource } from "./byte-source.ts";
import { ZipArchive } from "./zip-archive.ts";

const text = Buffer.from("a picture's bytes ".repeat(20));
const archiveOf = (...given: Parameters<typeof zipOf>): Promise<ZipArchive> =>
  ZipArchive.of(bytesSource("test.zip", zipOf(...given)));

describe("ZipArchive", () => {
  test("refuses an archive with a name that climbs out of it", async () => {
    await expect(archiveOf({ one: text, "../../etc/two": text })).rejects.toThrow(
      "test.zip cannot be read as a zip archive: Unsafe filename (../../etc/two).",
    );
  });

  test("reads entries by name", async () => {
    const archive = await archiveOf({ "a/one.png": text, two: Buffer.from("two") });
    expect([...archive.names()]).toEqual(["a/one.png", "two"]);
    expect(Buffer.from((await archive.read("a/one.png"))!)).toEqual(text);
    expect(await archive.read("none")).toBeUndefined();
  });

  test.each([
    ["says less than it unpacks to", { size: 10 }, "to another length than it says"],
    ["says more", { size: 1000 }, "not as long as it says"],
    ["says more than memory should hold", { size: 2 ** 31 }, "larger than 256"],
    ["has another checksum", { checksum: 5 }, "checksum of one in it differs"],
    ["is packed otherwise", { method: 99 }, "a method (99)|cannot be read|encrypt"],
  ])("refuses an entry that %s", async (_, lie, message) => {
    const archive = await archiveOf({ one: text }, { one: lie });
    await expect(archive.read("one")).rejects.toThrow(
      new RegExp(message.replace("(99)", String.raw`\(99\)`)),
    );
  });

  test("unpacks no bomb: it stops at the length that was promised", async () => {
    const archive = await archiveOf({ bomb: Buffer.alloc(64 * 2 ** 20) }, { bomb: { size: 1000 } });
    const before = process.memoryUsage().arrayBuffers;
    await expect(archive.read("bomb")).rejects.toThrow("another length");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 2 ** 20);
  });

  test("names a file that is none", async () => {
    await expect(ZipArchive.of(bytesSource("x.zip", text))).rejects.toThrow(DataError);
    const cut = zipOf({ one: text }).subarray(0, 60);
    await expect(ZipArchive.of(bytesSource("x.zip", cut))).rejects.toThrow("x.zip cannot be read as a zip");
  });
});
