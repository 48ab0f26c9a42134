/**
 * Words for objects and places that can mean only one thing in a scene. An object is called by the fewest words
 * that single it out: an attribute or two, or where it stands among its like, or its cell.
 */

import type { Rng } from "../../random.ts";
import {
  isInside,
  isSameCell,
  lookOf,
  objectAt,
  type Cell,
  type Look,
  type Scene,
  type SceneObject,
} from "./scene.ts";

type Attribute = keyof Look;

/** Ways to name a look, from loosest to full. */
const ATTRIBUTE_SETS: readonly (readonly Attribute[])[] = [
  ["shape"],
  ["colour"],
  ["size"],
  ["colour", "shape"],
  ["size", "shape"],
  ["size", "colour"],
  ["size", "colour", "shape"],
];

/** Sides an object can be nearest to; `along` is what is compared and `sign` makes nearest the smallest. */
const SIDES = [
  { word: "leftmost", along: "column", sign: 1 },
  { word: "rightmost", along: "column", sign: -1 },
  { word: "top", along: "row", sign: 1 },
  { word: "bottom", along: "row", sign: -1 },
] as const;

export type Side = (typeof SIDES)[number];

const ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"];

/** Objects that share a look in part, and what to call them. */
export interface Likes {
  /** "small circle", "red shape", "circle". */
  readonly singular: string;
  readonly plural: string;
  readonly objects: readonly SceneObject[];
}

function likesOf(scene: Scene, look: Look, attributes: readonly Attribute[]): Likes {
  const words = [
    attributes.includes("size") ? [look.size] : [],
    attributes.includes("colour") ? [look.colour] : [],
    [attributes.includes("shape") ? look.shape : "shape"],
  ].flat();
  const singular = words.join(" ");
  const objects = scene.objects.filter((object) => attributes.every((name) => object[name] === look[name]));
  return { singular, plural: `${singular}s`, objects };
}

/** Every way to name several objects of the scene at once, each set of objects by its shortest name. */
export function groupsOfLikes(scene: Scene): Likes[] {
  const groups = new Map<string, Likes>();
  for (const attributes of ATTRIBUTE_SETS) {
    for (const object of scene.objects) {
      const likes = likesOf(scene, object, attributes);
      const key = likes.objects.map((one) => scene.objects.indexOf(one)).join();
      if (likes.objects.length > 1 && !groups.has(key)) groups.set(key, likes);
    }
  }
  return [...groups.values()];
}

/** The `count` objects nearest a side, or undefined where a tie leaves open which they are. */
export function nearest(
  objects: readonly SceneObject[],
  side: Side,
  count: number,
): SceneObject[] | undefined {
  const ordered = objects.toSorted((a, b) => side.sign * (a[side.along] - b[side.along]));
  const last = ordered[count - 1];
  const next = ordered[count];
  if (last === undefined || (next !== undefined && last[side.along] === next[side.along])) return undefined;
  return ordered.slice(0, count);
}

export function pickSide(rng: Rng): Side {
  return rng.pick(SIDES);
}

/** "the circle", "the small red shape", "the leftmost circle": what can only mean this object of the scene. */
export function nameObject(scene: Scene, object: SceneObject, rng: Rng): string {
  if (scene.phrasing === "plain") {
    const alike = scene.objects.filter((one) => lookOf(one) === lookOf(object));
    return alike.length === 1 ? `the ${lookOf(object)}` : `the ${lookOf(object)} in ${plainCell(object)}`;
  }
  const names: { text: string; cost: number }[] = [];
  for (const attributes of ATTRIBUTE_SETS) {
    const likes = likesOf(scene, object, attributes);
    if (likes.objects.length === 1) names.push({ text: `the ${likes.singular}`, cost: attributes.length });
    if (likes.objects.length < 2) continue;
    for (const side of SIDES) {
      if (nearest(likes.objects, side, 1)?.[0] !== object) continue;
      // A place among its like costs more than one word: people name looks first.
      names.push({ text: `the ${side.word} ${likes.singular}`, cost: attributes.length + 1.5 });
    }
  }
  const cheapest = Math.min(...names.map((name) => name.cost));
  const shortest = names.filter((name) => name.cost === cheapest).map((name) => name.text);
  return shortest.length > 0 ? rng.pick(shortest) : `the ${object.shape} in ${plainCell(object)}`;
}

function plainCell(cell: Cell): string {
  return `row ${cell.row + 1}, column ${cell.column + 1}`;
}

/** "row 2, column 3", "the second row, third column" or "the top left corner". */
export function nameCell(scene: Scene, cell: Cell, rng: Rng): string {
  if (scene.phrasing === "plain") return plainCell(cell);
  const names = [plainCell(cell)];
  const row = ORDINALS[cell.row];
  const column = ORDINALS[cell.column];
  if (row !== undefined && column !== undefined) names.push(`the ${row} row, ${column} column`);
  const vertical = edgeWord(cell.row, scene.rows, ["top", "bottom"]);
  const horizontal = edgeWord(cell.column, scene.columns, ["left", "right"]);
  if (vertical !== undefined && horizontal !== undefined) names.push(`the ${vertical} ${horizontal} corner`);
  return rng.pick(names);
}

/** A row or a column. */
export interface Line {
  readonly along: "row" | "column";
  readonly index: number;
}

/** "row 2", "the second row", "the top row"; the same for columns. */
export function nameLine(scene: Scene, line: Line, rng: Rng): string {
  const { along, index } = line;
  if (scene.phrasing === "plain") return `${along} ${index + 1}`;
  const names = [`${along} ${index + 1}`];
  const ordinal = ORDINALS[index];
  if (ordinal !== undefined) names.push(`the ${ordinal} ${along}`);
  const edge =
    along === "row"
      ? edgeWord(index, scene.rows, ["top", "bottom"])
      : edgeWord(index, scene.columns, ["left", "right"]);
  if (edge !== undefined) names.push(`the ${edge} ${along}`);
  return rng.pick(names);
}

function edgeWord(index: number, count: number, words: readonly [string, string]): string | undefined {
  if (index === 0) return words[0];
  return index === count - 1 ? words[1] : undefined;
}

const NEIGHBOURS = [
  { words: "left of", row: 0, column: 1 },
  { words: "right of", row: 0, column: -1 },
  { words: "above", row: 1, column: 0 },
  { words: "below", row: -1, column: 0 },
] as const;

/** "just left of the circle" for each object beside the cell, those in `except` left out. */
export function namesBeside(scene: Scene, cell: Cell, rng: Rng, except?: SceneObject): string[] {
  if (scene.phrasing === "plain") return [];
  return NEIGHBOURS.flatMap(({ words, row, column }) => {
    const place = { row: cell.row + row, column: cell.column + column };
    const neighbour = isInside(scene, place) ? objectAt(scene, place) : undefined;
    if (neighbour === undefined || (except !== undefined && isSameCell(neighbour, except))) return [];
    return [`just ${words} ${nameObject(scene, neighbour, rng)}`];
  });
}
