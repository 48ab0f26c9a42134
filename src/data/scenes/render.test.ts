import { describe, expect, test } from "vitest";

import { Rng } from "../../random.ts";
import { drawScene } from "./draw-scene.ts";
import { boxOf, CELL_SIZE, renderScene } from "./render.ts";
import { BACKGROUND_NAMES, BACKGROUNDS, COLOUR_NAMES, sceneKey, SHAPES, SIZES, type Scene } from "./scene.ts";

/** The patches of a picture, as text. */
function patches(scene: Scene): string[] {
  const { width, pixels } = renderScene(scene);
  return Array.from({ length: scene.rows * scene.columns }, (_, cell) => {
    const left = (cell % scene.columns) * CELL_SIZE;
    const top = Math.floor(cell / scene.columns) * CELL_SIZE;
    const rows = Array.from({ length: CELL_SIZE }, (__, y) => {
      const start = ((top + y) * width + left) * 3;
      return [...pixels.subarray(start, start + CELL_SIZE * 3)].join();
    });
    return rows.join(";");
  });
}

describe("renderScene", () => {
  test("gives 32 × 32 pixels for 4 × 4 cells", () => {
    expect(renderScene(drawScene(Rng.from(0), 4))).toMatchObject({ width: 32, height: 32 });
    expect(renderScene(drawScene(Rng.from(0), 6))).toMatchObject({ width: 48, height: 48 });
  });

  test("makes of 5000 scenes exactly the 124 patches that exist", () => {
    const rng = Rng.from(1);
    const met = new Set(Array.from({ length: 5000 }, () => patches(drawScene(rng, 4))).flat());
    expect(met.size).toBe(BACKGROUND_NAMES.length * (1 + SHAPES.length * SIZES.length * COLOUR_NAMES.length));
  });

  test("shows different scenes differently, and the same scene alike", () => {
    const rng = Rng.from(2);
    const scenes = Array.from({ length: 1000 }, () => drawScene(rng, 4));
    const byPicture = new Map(scenes.map((scene) => [patches(scene).join("|"), sceneKey(scene)]));
    const byScene = new Map(scenes.map((scene) => [sceneKey(scene), patches(scene).join("|")]));
    expect(byPicture.size).toBe(byScene.size);
  });
});

describe("boxOf", () => {
  test("holds every pixel of the object and touches it on all sides", () => {
    for (const size of SIZES) {
      for (const shape of SHAPES) {
        const object = { size, shape, colour: "red", row: 1, column: 2 } as const;
        const scene: Scene = {
          phrasing: "rich",
          rows: 3,
          columns: 4,
          background: "white",
          objects: [object],
        };
        const { width, pixels } = renderScene(scene);
        const drawn = Array.from({ length: pixels.length / 3 }, (_, index) => index).filter(
          (index) => pixels[index * 3] !== BACKGROUNDS.white[0],
        );
        const xs = drawn.map((index) => index % width);
        const ys = drawn.map((index) => Math.floor(index / width));
        expect(boxOf(object)).toEqual([
          Math.min(...xs),
          Math.min(...ys),
          Math.max(...xs) + 1,
          Math.max(...ys) + 1,
        ]);
      }
    }
  });
});
