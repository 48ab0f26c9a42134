import { expect, test } from "vitest";

import { boxesIn, rescaledBoxes } from "./boxes.ts";

test("boxes are found in words, single and in lists of lists", () => {
  expect(boxesIn("a cup [1, 2,3 , 4.5] and [[55, 0, 207, 250]]; [1, 2, 3] is none")).toEqual([
    [1, 2, 3, 4.5],
    [55, 0, 207, 250],
  ]);
});

test("boxes are rescaled and rounded half to even, other numbers stay", () => {
  const text = "2 cups at [[55, 1, 205, 250]] and [-1, 3, 5, 7]; [1, 2]";
  expect(rescaledBoxes(text, { x: 0.5, y: 2 })).toBe(
    "2 cups at [[28, 2, 102, 500]] and [0, 6, 2, 14]; [1, 2]",
  );
  expect(rescaledBoxes(text, { x: 1, y: 1 })).toBe(text);
});
