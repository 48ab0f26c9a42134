import { describe, expect, test } from "vitest";

import { formatBytes, formatDuration, formatTable, sparkline, printable } from "./format.ts";

describe("formatDuration", () => {
  test.each([
    [0.04, "0.0 s"],
    [8.24, "8.2 s"],
    [9.96, "10 s"],
    [59.4, "59 s"],
    [59.6, "1 min 00 s"],
    [185, "3 min 05 s"],
    [3599.7, "1 h 00 min"],
    [7440, "2 h 04 min"],
  ])("writes %d seconds as %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});

describe("formatBytes", () => {
  test.each([
    [312, "312 B"],
    [4198, "4.1 KiB"],
    [2 ** 30 * 1.9, "1.9 GiB"],
  ])("writes %d as %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe("sparkline", () => {
  test("spans from the lowest to the highest of the last values", () => {
    expect(sparkline([9, 0, 7, 3.5], 3)).toBe("▁█▅");
    expect(sparkline([2, 2], 5)).toBe("▄▄");
    expect(sparkline([], 5)).toBe("");
  });
});

describe("formatTable", () => {
  test("aligns the first column left and the others right", () => {
    expect(
      formatTable([
        ["run", "step"],
        ["demo", "7"],
      ]),
    ).toBe("run   step\n────  ────\ndemo     7");
  });
});

describe("printable", () => {
  test("leaves words of every writing, line ends and tabs alone", () => {
    expect(printable("größe 日本 👍🏽\n\tEmu3")).toBe("größe 日本 👍🏽\n\tEmu3");
  });

  test("shows what would move the cursor, ring, recolour or turn the text round", () => {
    expect(printable("a\u001b[31m\u0007\r\u009b2J\u202eb")).toBe(
      "a\\u{1b}[31m\\u{7}\\u{d}\\u{9b}2J\\u{202e}b",
    );
  });
});
