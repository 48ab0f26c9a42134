import { describe, expect, test } from "vitest";
import { picture } from "../../images/picture.ts";
import { fromPixels, toPixels } from "./pixels.ts";

describe("pixels", () => {
  test("become what transformers' image processor makes of them, to the bit", () => {
    const levels = toPixels(picture(2, 1, Uint8Array.of(0, 1, 2, 3, 4, 255)));
    // Channels apart: red 0 and 3, green 1 and 4, blue 2 and 255.
    const recorded = Uint32Array.of(
      3_212_836_864,
      3_212_442_106,
      3_212_705_278,
      3_212_310_520,
      3_212_573_692,
      1_065_353_216,
    );
    expect(new Uint32Array(levels.buffer)).toEqual(recorded);
  });

  test("are cut, not rounded, on the way back, as the image processors do", () => {
    const values = [-1.5, -1, -0.999, -0.5, 0, 0.003_91, 0.5, 0.99, 0.9999, 1, 1.2];
    const plane = Float32Array.from([...values, ...values, ...values]);
    const { pixels } = fromPixels(plane, values.length, 1);
    const red = values.map((_, index) => pixels[3 * index]);
    expect(red).toEqual([0, 0, 0, 63, 127, 127, 191, 253, 254, 255, 255]);
  });

  test("come back unchanged, but for dark levels, of which the processors' float32 loses one", () => {
    const all = picture(
      256,
      1,
      Uint8Array.from({ length: 768 }, (_, index) => Math.floor(index / 3)),
    );
    const back = fromPixels(toPixels(all), 256, 1);
    const changed = [...back.pixels.keys()].filter((index) => back.pixels[index] !== all.pixels[index]);
    // The list is the one transformers 5.18 gives.
    expect(new Set(changed.map((index) => Math.floor(index / 3)))).toEqual(
      new Set(Array.from({ length: 63 }, (_, index) => index + 1)),
    );
    for (const index of changed) expect(back.pixels[index]).toBe((all.pixels[index] as number) - 1);
  });
});
