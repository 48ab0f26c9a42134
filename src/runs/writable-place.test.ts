import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { beforeEach, describe, expect, test } from "vitest";

import { DataError } from "../errors.ts";
import {
  makeFolders,
  removeEmptyFolders,
  requireWritableFile,
  requireWritableFolder,
} from "./writable-place.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "earl-place-"));
});

describe("makeFolders", () => {
  test("makes what is missing and says what it made, outermost first", () => {
    mkdirSync(join(folder, "a"));
    const made = makeFolders(join(folder, "a", "b", "c"));
    expect(made).toEqual([join(folder, "a", "b"), join(folder, "a", "b", "c")]);
    expect(makeFolders(join(folder, "a", "b", "c"))).toEqual([]);
    writeFileSync(join(folder, "a", "b", "kept"), "");
    removeEmptyFolders(made);
    expect(readdirSync(join(folder, "a", "b"))).toEqual(["kept"]);
  });

  test("leaves none when the last one cannot be made", () => {
    expect(() => makeFolders(join(folder, "a", "b", "x".repeat(300)))).toThrow("the name is too long");
    expect(readdirSync(folder)).toEqual([]);
  });

  test.skipIf(!existsSync("/proc/self"))(
    "returns where no folder can be made, as Node's own does not",
    () => {
      expect(() => makeFolders("/proc/earl/a/b")).toThrow("no folder can be made in /proc");
    },
  );
});

const places: [string, (make: (name: string) => string) => string, string | RegExp][] = [
  [
    "a file in place of a folder",
    (make) => (writeFileSync(make("f"), ""), join(make("f"), "out")),
    "is a file, not a folder",
  ],
  [
    "a link that leads nowhere",
    (make) => (symlinkSync("nowhere", make("l")), make("l")),
    "a link to nowhere",
  ],
  [
    "a folder behind such a link",
    (make) => (symlinkSync("nowhere", make("l")), join(make("l"), "out")),
    "a link to nowhere",
  ],
  ["links in a circle", (make) => (symlinkSync("l", make("l")), make("l")), "links lead in a circle"],
  ["a name that is too long", (make) => make("x".repeat(300)), "the name is too long"],
  ["/proc/earl/out", () => "/proc/earl/out", "no folder can be made in /proc"],
  ["/sys/earl/out", () => "/sys/earl/out", /Cannot write/],
];

describe.each([
  ["requireWritableFile", requireWritableFile],
  ["requireWritableFolder", requireWritableFolder],
])("%s", (_, require) => {
  test.each(places)("refuses %s", (_name, place, message) => {
    const path = place((name) => join(folder, name));
    const before = readdirSync(folder);
    expect(() => require(path)).toThrow(message);
    expect(() => require(path)).toThrow(DataError);
    expect(readdirSync(folder)).toEqual(before);
  });

  test("leaves nothing of a place that is fine, its missing folders included", () => {
    require(join(folder, "a", "b", "out"));
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("requireWritableFile", () => {
  test("refuses a folder, and what is no regular file", () => {
    expect(() => requireWritableFile(folder)).toThrow("it is a folder");
    expect(() => requireWritableFile("/dev/null")).toThrow("it is no regular file");
  });

  test("takes a file that is there, also through a link, and leaves it as it is", () => {
    writeFileSync(join(folder, "there"), "kept");
    symlinkSync("there", join(folder, "link"));
    requireWritableFile(join(folder, "there"));
    requireWritableFile(join(folder, "link"));
    expect(readFileSync(join(folder, "there"), "utf8")).toBe("kept");
  });
});

describe("requireWritableFolder", () => {
  test("refuses a file and a device", () => {
    writeFileSync(join(folder, "f"), "");
    expect(() => requireWritableFolder(join(folder, "f"))).toThrow("is a file, not a folder");
    expect(() => requireWritableFolder("/dev/null")).toThrow("is a file, not a folder");
  });

  test.skipIf(process.getuid?.() === 0)("refuses a folder that may not be written to", () => {
    chmodSync(folder, 0o500);
    expect(() => requireWritableFolder(folder)).toThrow("permission denied");
    expect(() => requireWritableFile(join(folder, "out"))).toThrow("permission denied");
  });
});
