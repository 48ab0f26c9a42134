/**
 * Reads instructions the other way round: a second, independent interpreter takes the words alone and must reach
 * the same target. What it cannot read, or can read in two ways, is not an instruction with one right answer.
 */

import { describe, expect, test } from "vitest";

import { generateScenes, MAX_INSTRUCTION, type SceneExample } from "./generate.ts";
import {
  COLOUR_NAMES,
  BACKGROUND_NAMES,
  sceneKey,
  SHAPES,
  SPLITS,
  type Scene,
  type SceneObject,
  type Phrasing,
} from "./scene.ts";

const COLOUR = COLOUR_NAMES.join("|");
const GROUND = BACKGROUND_NAMES.join("|");
const SHAPE = SHAPES.join("|");
const LOOK = `(?:small|large) (?:${COLOUR}) (?:${SHAPE})`;
const KIND = `(?:(?:small|large) )?(?:(?:${COLOUR}) )?(?:${SHAPE}|shape)`;
const SIDE = "leftmost|rightmost|top|bottom";
const THE = `the (?:(?:${SIDE}) )?${KIND}(?: in row \\d, column \\d)?`;
const CELL = "row \\d, column \\d|the \\w+ row, \\w+ column|the (?:top|bottom) (?:left|right) corner";
const LINE = "(?:row|column) \\d|the \\w+ (?:row|column)";
const BESIDE = "left of|right of|above|below";
const NUMBERS = ["zero", "one", "two", "three", "four"];
const NUMBER = NUMBERS.slice(1).join("|");
const ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"];

type Objects = readonly SceneObject[];

function only<T>(items: readonly T[], what: string): T {
  if (items.length !== 1) throw new Error(`${what} means ${items.length} things.`);
  return items[0] as T;
}

function matching(objects: Objects, words: string): Objects {
  const wanted = words.split(" ").filter((word) => !/^shapes?$/.test(word));
  return objects.filter(({ size, colour, shape }) =>
    wanted.every((word) => [size, colour, shape, `${shape}s`].includes(word)),
  );
}

/** The `count` objects on a side; a tie at the edge of the choice is an error. */
function onSide(objects: Objects, side: string, count: number): Objects {
  const depth = ({ row, column }: SceneObject): number =>
    ({ leftmost: column, rightmost: -column, top: row, bottom: -row })[side] ?? Number.NaN;
  const inner = objects.filter(
    (one) => objects.filter((other) => depth(other) <= depth(one)).length <= count,
  );
  if (inner.length !== count) throw new Error(`The ${count} ${side} are not clear.`);
  return inner;
}

function theObject(scene: Scene, words: string): SceneObject {
  const parts = new RegExp(`^the (?:(${SIDE}) )?(${KIND})(?: in (row \\d, column \\d))?$`).exec(words);
  if (parts === null) throw new Error(`"${words}" names no object.`);
  const [, side, kind = "", cell] = parts;
  let objects = matching(scene.objects, kind);
  if (cell !== undefined) objects = objects.filter((one) => isAt(one, theCell(scene, cell)));
  if (side !== undefined) objects = onSide(objects, side, 1);
  return only(objects, words);
}

type Place = readonly [row: number, column: number];

function isAt(object: SceneObject, [row, column]: Place): boolean {
  return object.row === row && object.column === column;
}

function theCell(scene: Scene, words: string): Place {
  const digits = /^row (\d), column (\d)$/.exec(words);
  if (digits !== null) return [Number(digits[1]) - 1, Number(digits[2]) - 1];
  const ordinals = /^the (\w+) row, (\w+) column$/.exec(words);
  if (ordinals !== null) return [ORDINALS.indexOf(ordinals[1] ?? ""), ORDINALS.indexOf(ordinals[2] ?? "")];
  return [words.includes("top") ? 0 : scene.rows - 1, words.includes("left") ? 0 : scene.columns - 1];
}

function beside(scene: Scene, side: string, words: string): Place {
  const { row, column } = theObject(scene, words);
  if (side === "left of") return [row, column - 1];
  if (side === "right of") return [row, column + 1];
  return side === "above" ? [row - 1, column] : [row + 1, column];
}

/** The free cells of "row 2" or "the left column", in reading order. */
function freeInLine(scene: Scene, words: string): Place[] {
  const isRow = words.includes("row");
  const named = /^the (\w+)/.exec(words)?.[1] ?? "";
  const last = (isRow ? scene.rows : scene.columns) - 1;
  const edges: Record<string, number> = { top: 0, left: 0, bottom: last, right: last };
  const index = /\d/.test(words)
    ? Number(/\d/.exec(words)?.[0]) - 1
    : (edges[named] ?? ORDINALS.indexOf(named));
  const places = Array.from({ length: isRow ? scene.columns : scene.rows }, (_, other): Place =>
    isRow ? [index, other] : [other, index],
  );
  return places.filter((place) => !scene.objects.some((object) => isAt(object, place)));
}

function put(scene: Scene, look: string, [row, column]: Place): Scene {
  const inside = row >= 0 && row < scene.rows && column >= 0 && column < scene.columns;
  if (!inside || scene.objects.some((object) => isAt(object, [row, column]))) throw new Error("No room.");
  const [size, colour, shape] = look.split(" ");
  const object = { size, colour, shape: shape?.replace(/s$/, ""), row, column } as SceneObject;
  return { ...scene, objects: [...scene.objects, object] };
}

function without(scene: Scene, gone: Objects): Scene {
  return { ...scene, objects: scene.objects.filter((object) => !gone.includes(object)) };
}

function changed(scene: Scene, object: SceneObject, change: object): Scene {
  return { ...scene, objects: [...without(scene, [object]).objects, { ...object, ...change }] };
}

function moved(scene: Scene, object: SceneObject, place: Place): Scene {
  return put(without(scene, [object]), `${object.size} ${object.colour} ${object.shape}`, place);
}

function keep(scene: Scene, kind: string, kept: Objects): Scene {
  return without(
    scene,
    matching(scene.objects, kind).filter((object) => !kept.includes(object)),
  );
}

function putAll(scene: Scene, look: string, places: readonly Place[]): Scene {
  return places.reduce((state, place) => put(state, look, place), scene);
}

type Rule = readonly [pattern: string, answer: (scene: Scene, ...words: string[]) => Scene];

const recolour: Rule[1] = (scene, object = "", colour) =>
  changed(scene, theObject(scene, object), { colour });
const reshape: Rule[1] = (scene, object = "", shape) => changed(scene, theObject(scene, object), { shape });
const standIn = (scene: Scene, object: string, look: string): Scene => {
  const { row, column } = theObject(scene, object);
  return put(without(scene, [theObject(scene, object)]), look, [row, column]);
};
const exchange: Rule[1] = (scene, first = "", second = "") => {
  const [a, b] = [theObject(scene, first), theObject(scene, second)];
  return changed(changed(scene, a, { row: b.row, column: b.column }), b, { row: a.row, column: a.column });
};
const removeAll: Rule[1] = (scene, kind = "") => without(scene, matching(scene.objects, kind));
const keepSide: Rule[1] = (scene, kind = "", number = "one", side = "") =>
  keep(scene, kind, onSide(matching(scene.objects, kind), side, NUMBERS.indexOf(number)));
const fill = (scene: Scene, number: string, look: string, line: string): Scene => {
  const free = freeInLine(scene, line);
  if (free.length !== NUMBERS.indexOf(number)) throw new Error(`${number} do not fill ${line}.`);
  return putAll(scene, look, free);
};

const RULES: readonly Rule[] = [
  [`(?:Make|Turn|Paint) (${THE}) (${COLOUR})`, recolour],
  [`Recolour (${THE}) to (${COLOUR})`, recolour],
  [`Change the colour of (${THE}) to (${COLOUR})`, recolour],
  [
    `(?:Add|Put|Place|Draw|Insert) a (${LOOK}) in (${CELL})`,
    (scene, look = "", cell = "") => put(scene, look, theCell(scene, cell)),
  ],
  [
    `(?:Add|Put|Place|Draw|Insert) a (${LOOK}) just (${BESIDE}) (${THE})`,
    (scene, look = "", side = "", object = "") => put(scene, look, beside(scene, side, object)),
  ],
  [
    `(?:Remove|Delete|Erase|Take away|Get rid of) (${THE})`,
    (scene, object = "") => without(scene, [theObject(scene, object)]),
  ],
  [`(?:Turn|Change) (${THE}) into a (${SHAPE})`, reshape],
  [`Make (${THE}) a (${SHAPE})`, reshape],
  [`Replace (${THE}) with a (${LOOK})`, (scene, object = "", look = "") => standIn(scene, object, look)],
  [`Put a (${LOOK}) in place of (${THE})`, (scene, look = "", object = "") => standIn(scene, object, look)],
  [`Substitute a (${LOOK}) for (${THE})`, (scene, look = "", object = "") => standIn(scene, object, look)],
  [
    `(?:(?:Make|Paint|Turn) the background|Change the background to) (${GROUND})`,
    (scene, ground) => ({ ...scene, background: ground as Scene["background"] }),
  ],
  [
    `Use a (${GROUND}) background`,
    (scene, ground) => ({ ...scene, background: ground as Scene["background"] }),
  ],
  [
    `(?:Move|Bring|Shift) (${THE}) to (${CELL})`,
    (scene, object = "", cell = "") => moved(scene, theObject(scene, object), theCell(scene, cell)),
  ],
  [
    `(?:Move|Put|Place) (${THE}) just (${BESIDE}) (${THE})`,
    (scene, object = "", side = "", other = "") =>
      moved(scene, theObject(scene, object), beside(scene, side, other)),
  ],
  [
    `(?:Move|Shift|Slide) (${THE}) (${NUMBER}) cells? (left|right|up|down)`,
    (scene, words = "", number = "", direction = "") => {
      const object = theObject(scene, words);
      const steps = NUMBERS.indexOf(number) * (direction === "left" || direction === "up" ? -1 : 1);
      const isSideways = direction === "left" || direction === "right";
      return moved(scene, object, [
        object.row + (isSideways ? 0 : steps),
        object.column + (isSideways ? steps : 0),
      ]);
    },
  ],
  [`(?:Swap|Switch|Exchange|Swap the places of) (${THE}) and (${THE})`, exchange],
  [`Let (${THE}) and (${THE}) trade places`, exchange],
  [`(?:Remove all|Leave no) (${KIND})s`, removeAll],
  [`Delete every (${KIND})`, removeAll],
  [
    `Take away the (${NUMBER}) (${KIND})s`,
    (scene, number = "", kind = "") => {
      const gone = matching(scene.objects, kind);
      if (gone.length !== NUMBERS.indexOf(number))
        throw new Error(`There are ${gone.length}, not ${number}.`);
      return without(scene, gone);
    },
  ],
  [
    `(?:Remove|Delete|Take away) the (${NUMBER}) (${SIDE}) (${KIND})s`,
    (scene, number = "", side = "", kind = "") =>
      without(scene, onSide(matching(scene.objects, kind), side, NUMBERS.indexOf(number))),
  ],
  [
    `(?:Remove all|Of the) (${KIND})s(?: but|, keep only) the (?:(${NUMBER}) )?(${SIDE}) ones?`,
    (scene, kind = "", number = "one", side = "") => keepSide(scene, kind, number, side),
  ],
  [
    `Make it exactly (${NUMBER}) (${KIND})s?, the (${SIDE}) ones?`,
    (scene, number = "", kind = "", side = "") => keepSide(scene, kind, number, side),
  ],
  [
    `(?:Fill|Complete) (${LINE}) with (${NUMBER}) (${LOOK})s`,
    (scene, line = "", number = "", look = "") => fill(scene, number, look, line),
  ],
  [
    `Add (${NUMBER}) (${LOOK})s to fill (${LINE})`,
    (scene, number = "", look = "", line = "") => fill(scene, number, look, line),
  ],
  [
    `(?:Add|Put|Place|Draw) (${NUMBER}) (${LOOK})s in the (first|last) free cells of (${LINE})`,
    (scene, ...[number = "", look = "", end = "", line = ""]) => {
      const free = freeInLine(scene, line);
      const count = NUMBERS.indexOf(number);
      if (free.length < count) throw new Error(`${line} has no room for ${number}.`);
      return putAll(scene, look, end === "first" ? free.slice(0, count) : free.slice(-count));
    },
  ],
];

const COMPILED = RULES.map(([pattern, answer]) => ({ pattern: new RegExp(`^${pattern}$`), answer }));

function rulesOf(instruction: string): number[] {
  return COMPILED.flatMap(({ pattern }, index) => (pattern.test(instruction) ? [index] : []));
}

/** The target that the words alone lead to. */
function interpret(scene: Scene, instruction: string): Scene {
  const { pattern, answer } = COMPILED[only(rulesOf(instruction), instruction)] as (typeof COMPILED)[number];
  const target = answer(scene, ...(pattern.exec(instruction)?.slice(1) ?? []));
  return { ...target, objects: target.objects.toSorted((a, b) => a.row - b.row || a.column - b.column) };
}

function examples(cells: number, count: number, phrasing: Phrasing = "rich"): SceneExample[] {
  const request = { seed: 11, count, imperfect: 0, cells, phrasing };
  return SPLITS.flatMap((split) => [...generateScenes({ ...request, split })]);
}

describe("plain instructions", () => {
  test("read in one way only", () => {
    for (const { source, instruction, target } of examples(4, 800, "plain")) {
      expect(sceneKey(interpret(source, instruction)), instruction).toBe(sceneKey(target));
    }
  });
});

describe("instructions", () => {
  test.each([
    [2, 160],
    [4, 1600],
    [7, 400],
  ])("read in one way only, on a grid of %i cells a side", (cells, count) => {
    for (const { source, instruction, target } of examples(cells, count)) {
      expect(sceneKey(interpret(source, instruction)), `${instruction} | ${sceneKey(source)}`).toBe(
        sceneKey(target),
      );
      expect(sceneKey(target), instruction).not.toBe(sceneKey(source));
    }
  });

  test("come in every wording and stay short", () => {
    const instructions = examples(4, 1600).map((example) => example.instruction);
    const met = new Set(instructions.flatMap(rulesOf));
    expect(RULES.filter((_, index) => !met.has(index)).map(([pattern]) => pattern)).toEqual([]);
    expect(Math.max(...instructions.map((text) => text.length))).toBeLessThanOrEqual(MAX_INSTRUCTION);
    const isLong = (text: string): boolean => text.length > 60;
    expect(instructions.filter(isLong).length / instructions.length).toBeLessThan(0.05);
    expect(instructions.join("")).toMatch(/^[\w ,]+$/);
  });
});
