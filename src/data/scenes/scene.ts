/**
 * A scene: objects in the cells of a grid, over a plain background. Small enough to be written down exactly, so
 * the right answer to an instruction can be computed instead of judged.
 */

import { createHash } from "node:crypto";

export const SHAPES = ["circle", "square", "triangle"] as const;
export const SIZES = ["large", "small"] as const;

/** Colours of objects, RGB. */
export const COLOURS = {
  red: [220, 44, 60],
  green: [44, 160, 84],
  blue: [40, 100, 224],
  yellow: [244, 186, 20],
  purple: [146, 60, 188],
} as const;

/** Colours of backgrounds, RGB; none shares a name with an object's colour. */
export const BACKGROUNDS = {
  white: [250, 250, 248],
  grey: [176, 182, 190],
  black: [28, 32, 40],
  beige: [232, 216, 184],
} as const;

export type Shape = (typeof SHAPES)[number];
export type Size = (typeof SIZES)[number];
export type Colour = keyof typeof COLOURS;
export type Background = keyof typeof BACKGROUNDS;

export const COLOUR_NAMES = Object.keys(COLOURS) as readonly Colour[];
export const BACKGROUND_NAMES = Object.keys(BACKGROUNDS) as readonly Background[];

/** Counted from 0 at the top left; instructions count from 1. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** What an object looks like, wherever it is. */
export interface Look {
  readonly size: Size;
  readonly colour: Colour;
  readonly shape: Shape;
}

export interface SceneObject extends Look, Cell {}

/**
 * How instructions speak: plainly (whole looks, "the small red circle", and "row 2, column 3"), which a policy of half
 * a million parameters learns in minutes, or richly ("the leftmost shape", "just above the circle").
 */
export const PHRASINGS = ["plain", "rich"] as const;
export type Phrasing = (typeof PHRASINGS)[number];

export interface Scene {
  /** Of instructions about the scene; no part of what it shows. */
  readonly phrasing: Phrasing;
  readonly rows: number;
  readonly columns: number;
  readonly background: Background;
  /** At most one a cell, in reading order. */
  readonly objects: readonly SceneObject[];
}

/** The scene with other objects, put in reading order. */
export function withObjects(scene: Scene, objects: readonly SceneObject[]): Scene {
  return {
    ...scene,
    objects: objects.toSorted((a, b) => a.row - b.row || a.column - b.column),
  };
}

export function isSameCell(a: Cell, b: Cell): boolean {
  return a.row === b.row && a.column === b.column;
}

export function objectAt(scene: Scene, cell: Cell): SceneObject | undefined {
  return scene.objects.find((object) => isSameCell(object, cell));
}

export function isInside(scene: Scene, cell: Cell): boolean {
  return cell.row >= 0 && cell.row < scene.rows && cell.column >= 0 && cell.column < scene.columns;
}

/** All cells in reading order. */
export function cellsOf(scene: Scene): Cell[] {
  return Array.from({ length: scene.rows * scene.columns }, (_, index) => ({
    row: Math.floor(index / scene.columns),
    column: index % scene.columns,
  }));
}

export function freeCells(scene: Scene): Cell[] {
  return cellsOf(scene).filter((cell) => objectAt(scene, cell) === undefined);
}

export function lookOf(object: Look): string {
  return `${object.size} ${object.colour} ${object.shape}`;
}

/** Text that is equal for two scenes exactly when their pictures are. */
export function sceneKey(scene: Scene): string {
  const objects = scene.objects.map((object) => `${object.row},${object.column} ${lookOf(object)}`);
  return `${scene.rows}x${scene.columns} ${scene.background}; ${objects.join("; ")}`;
}

export const SPLITS = ["train", "validation", "test"] as const;
export type SceneSplit = (typeof SPLITS)[number];

/**
 * The split a scene belongs to, by a hash of what it shows: 80 % train, 10 % validation, 10 % test. No seed goes
 * in, so a scene that one dataset holds out is never trained on by another.
 */
export function splitOf(scene: Scene): SceneSplit {
  const bucket = createHash("sha256").update(sceneKey(scene)).digest().readUInt32BE(0) % 10;
  if (bucket < 8) return "train";
  return bucket === 8 ? "validation" : "test";
}
