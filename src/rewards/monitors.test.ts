import { describe, expect, test } from "vitest";
import { picture, type Picture } from "../images/picture.ts";
import { monitorFigures, monitorWarnings, type MonitoredGroup } from "./monitors.ts";

const of = (...pixels: number[]): Picture => picture(pixels.length / 3, 1, Uint8Array.from(pixels));
const source = of(0, 0, 0, 100, 100, 100);
const copy = of(0, 0, 0, 100, 100, 100);
const flat = of(50, 50, 50, 50, 50, 50);

const group: MonitoredGroup = {
  completions: [Int32Array.of(1, 2), Int32Array.of(1, 2), Int32Array.of(3), Int32Array.of(4)],
  edits: [
    { source, edited: copy, codes: Int32Array.of(1, 1) },
    { source, edited: flat, codes: Int32Array.of(1, 2) },
  ],
  rewards: [5, 5],
  opinions: [
    { judge: 9, reference: 1 },
    { judge: 5, reference: 5 },
    { judge: 1, reference: 9 },
  ],
};

describe("monitorFigures", () => {
  test("by hand", () => {
    expect(
      monitorFigures([group, { completions: [Int32Array.of(1, 2)], edits: [], rewards: [1, 2] }]),
    ).toEqual({
      unchanged: 0.5,
      sourceDistance: 25,
      codeEntropy: Math.log(2) / 2,
      colourVarianceRatio: 0.5,
      flatGroups: 0.5,
      repeated: 1 / 5,
      disagreement: 2,
    });
  });
  test("leaves out what cannot be said", () => {
    expect(monitorFigures([])).toEqual({});
    expect(
      monitorFigures([{ completions: [], edits: [{ source, edited: of(1, 2, 3) }], rewards: [1] }]),
    ).toEqual({
      unchanged: 0,
      colourVarianceRatio: 0,
    });
  });
});

describe("monitorWarnings", () => {
  const thresholds = {
    mostUnchanged: 0.5,
    leastSourceDistance: 1,
    leastCodeEntropy: 0.5,
    leastColourVarianceRatio: 0.1,
    mostColourVarianceRatio: 4,
    mostFlatGroups: 0.9,
    mostRepeated: 0.2,
    mostDisagreement: 1,
  };
  test("names each figure beyond its threshold, and none at it", () => {
    const warnings = monitorWarnings(
      { unchanged: 0.5, codeEntropy: 0.25, colourVarianceRatio: 8, disagreement: 1.5 },
      thresholds,
    );
    expect(warnings.map(({ message }) => message)).toEqual([
      "entropy of a picture's codes: 0.25, below 0.5",
      "colour variance against the source's: 8, above 4",
      "disagreement of judge and reference: 1.5, above 1",
    ]);
  });
  test("says nothing about what is not known", () => {
    expect(monitorWarnings({}, thresholds)).toEqual([]);
  });
});
