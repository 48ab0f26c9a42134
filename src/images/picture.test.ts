import { describe, expect, test } from "vitest";

import { DataError } from "../errors.ts";
import { picture, topLeft } from "./picture.ts";

const source = picture(
  3,
  2,
  Uint8Array.from({ length: 18 }, (_, index) => index),
);

describe("topLeft", () => {
  test("takes the first pixels of the first rows", () => {
    expect(topLeft(source, 2, 1).pixels).toEqual(Uint8Array.of(0, 1, 2, 3, 4, 5));
    expect(topLeft(source, 1, 2).pixels).toEqual(Uint8Array.of(0, 1, 2, 9, 10, 11));
    expect(topLeft(source, 3, 2)).toBe(source);
  });

  test("refuses more than there is", () => {
    expect(() => topLeft(source, 4, 1)).toThrow(DataError);
  });
});
