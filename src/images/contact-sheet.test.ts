import { describe, expect, test } from "vitest";

import { contactSheet, enlarge } from "./contact-sheet.ts";
import { picture } from "./picture.ts";

const red = picture(1, 1, Uint8Array.of(255, 0, 0));
const blue = picture(1, 1, Uint8Array.of(0, 0, 255));

function reds({ pixels }: { readonly pixels: Uint8Array }): number[] {
  return [...pixels].filter((_, index) => index % 3 === 0);
}

describe("enlarge", () => {
  test("makes each pixel a square", () => {
    const two = picture(2, 1, Uint8Array.of(1, 0, 0, 2, 0, 0));
    expect(enlarge(two, 2)).toMatchObject({ width: 4, height: 2 });
    expect(reds(enlarge(two, 2))).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
  });
});

describe("contactSheet", () => {
  test("lays pictures out in reading order with gaps around them", () => {
    const sheet = contactSheet([red, blue, red], { columns: 2, gap: 1, background: [9, 9, 9] });
    expect(sheet).toMatchObject({ width: 5, height: 5 });
    const rows = [
      [9, 9, 9, 9, 9],
      [9, 255, 9, 0, 9],
      [9, 9, 9, 9, 9],
      [9, 255, 9, 9, 9],
      [9, 9, 9, 9, 9],
    ];
    expect(reds(sheet)).toEqual(rows.flat());
  });

  test("needs pictures of one size, and at least one", () => {
    expect(() => contactSheet([red, picture(2, 1)], { columns: 2 })).toThrow("one size");
    expect(() => contactSheet([], { columns: 2 })).toThrow("at least one");
  });
});
