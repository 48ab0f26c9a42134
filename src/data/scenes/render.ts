/**
 * Scenes as pictures. No anti-aliasing and one sprite a cell, so every cell is one of 4 × (1 + 3 · 2 · 5) = 124
 * patches and a patch codebook loses nothing.
 */

import { picture, type Picture } from "../../images/picture.ts";
import { BACKGROUNDS, COLOURS, type Scene, type SceneObject, type Shape, type Size } from "./scene.ts";

/** Side of a cell, in pixels. */
export const CELL_SIZE = 8;

interface Sprite {
  /** Offset within the cell. */
  readonly x: number;
  readonly y: number;
  readonly rows: readonly string[];
}

// Large sprites leave the last row and column of a cell free, so neighbours never touch.
const SPRITES: Readonly<Record<Size, Readonly<Record<Shape, Sprite>>>> = {
  large: {
    circle: {
      x: 0,
      y: 0,
      rows: ["..###..", ".#####.", "#######", "#######", "#######", ".#####.", "..###.."],
    },
    square: {
      x: 0,
      y: 0,
      rows: ["#######", "#######", "#######", "#######", "#######", "#######", "#######"],
    },
    triangle: {
      x: 0,
      y: 0,
      rows: ["...#...", "...#...", "..###..", "..###..", ".#####.", ".#####.", "#######"],
    },
  },
  small: {
    circle: { x: 1, y: 1, rows: [".###.", "#####", "#####", "#####", ".###."] },
    square: { x: 1, y: 1, rows: ["#####", "#####", "#####", "#####", "#####"] },
    triangle: { x: 1, y: 1, rows: ["..#..", "..#..", ".###.", ".###.", "#####"] },
  },
};

/** The object's pixels as [x1, y1, x2, y2]; x2 and y2 are one past the last pixel. */
export function boxOf(object: SceneObject): [number, number, number, number] {
  const sprite = SPRITES[object.size][object.shape];
  const left = object.column * CELL_SIZE + sprite.x;
  const top = object.row * CELL_SIZE + sprite.y;
  return [left, top, left + (sprite.rows[0] ?? "").length, top + sprite.rows.length];
}

/** A picture of columns · 8 × rows · 8 pixels. */
export function renderScene(scene: Scene): Picture {
  const canvas = picture(scene.columns * CELL_SIZE, scene.rows * CELL_SIZE);
  const background = BACKGROUNDS[scene.background];
  for (let index = 0; index < canvas.pixels.length; index += 3) canvas.pixels.set(background, index);
  for (const object of scene.objects) drawSprite(canvas, object);
  return canvas;
}

function drawSprite(canvas: Picture, object: SceneObject): void {
  const [left, top] = boxOf(object);
  const colour = COLOURS[object.colour];
  for (const [y, row] of SPRITES[object.size][object.shape].rows.entries()) {
    for (let x = 0; x < row.length; x += 1) {
      if (row[x] === "#") canvas.pixels.set(colour, ((top + y) * canvas.width + left + x) * 3);
    }
  }
}
