import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { repeatedKeys } from "./repeated-keys.ts";

describe("repeatedKeys", () => {
  test.each([
    ['{"a": 1, "a": 2}', ["a"]],
    ['{"a": 1, "b": [{"a": 2}, {"a": 3}], "c": {"a": 4}}', []],
    ['{"a": {"x": 1, "x": 2, "x": 3}}', ["x", "x"]],
    ['[{"k": "k", "l": "k,{"}, ["k", "k"]]', []],
    [String.raw`{"a\"b": 1, "a\"b": 2, "\\": 3, "a": "\\"}`, ['a"b']],
    ['{"caf\\u00e9": 1, "café": 2}', ["café"]],
    ["{}", []],
    ['"a"', []],
  ])("%s → %j", (json, keys) => {
    expect(repeatedKeys(json)).toEqual(keys);
  });

  test("finds none in what JSON.stringify wrote", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(repeatedKeys(JSON.stringify(value))).toEqual([]);
      }),
    );
  });
});
