import { describe, expect, test } from "vitest";
import { CheckpointError } from "./errors.ts";
import { isLfsPointer, refuseLfsPointer } from "./lfs-pointer.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0f".repeat(32)}\nsize 2147\n`;

describe("isLfsPointer", () => {
  test.each([
    ["a pointer", POINTER],
    ["one with the line ends of another system", POINTER.replaceAll("\n", "\r\n")],
    ["one that was cut after its first line", POINTER.slice(0, 43)],
    ["one of the name before", POINTER.replace("git-lfs", "hawser")],
    ["one of the draft", "version http://git-media.io/v/2\noid sha256:00\nsize 1\n"],
  ])("%s is one", (_, text) => {
    expect(isLfsPointer(bytes(text))).toBe(true);
  });

  test.each([
    ["nothing", ""],
    ["JSON", '{"version": "https://git-lfs.github.com/spec/v1"}'],
    ["a text about it", `A file begins with ${POINTER}`],
    ["another version line", "version 2\n"],
  ])("%s is none", (_, text) => {
    expect(isLfsPointer(bytes(text))).toBe(false);
  });
});

describe("refuseLfsPointer", () => {
  test("names the file and the cure, as the caller's kind of error", () => {
    const attempt = (): void => refuseLfsPointer("dir/model.safetensors", bytes(POINTER), CheckpointError);
    expect(attempt).toThrow(CheckpointError);
    expect(attempt).toThrow(
      "dir/model.safetensors is a Git LFS pointer, not the file: fetch it with `git lfs pull`.",
    );
  });

  test("leaves other files to their reader", () => {
    expect(() => refuseLfsPointer("x", bytes("{}"), CheckpointError)).not.toThrow();
  });
});
