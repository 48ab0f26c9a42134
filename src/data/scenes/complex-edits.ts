/** Edits that relate things: move, swap, count. */

import type { Rng } from "../../random.ts";
import type { ProposeEdit, SceneEdit } from "./edit.ts";
import {
  groupsOfLikes,
  nameCell,
  nameLine,
  namesBeside,
  nameObject,
  nearest,
  pickSide,
  type Line,
} from "./reference.ts";
import {
  freeCells,
  isInside,
  lookOf,
  objectAt,
  withObjects,
  type Cell,
  type Scene,
  type SceneObject,
} from "./scene.ts";
import { drawLook, exchanged, seen } from "./simple-edits.ts";

const NUMBERS = ["no", "one", "two", "three", "four"];

/** Most objects that one edit adds or names by number. */
const MOST = 4;

function numberWord(count: number): string {
  return NUMBERS[count] ?? String(count);
}

export const move: ProposeEdit = (scene, rng) => {
  if (freeCells(scene).length === 0) return undefined;
  const object = rng.pick(scene.objects);
  const route = rng.pick([moveToCell, moveBeside, moveBySteps])(scene, object, rng);
  if (route === undefined) return undefined;
  const moved = { ...object, row: route.to.row, column: route.to.column };
  return {
    instruction: `${rng.pick(route.verbs)} ${nameObject(scene, object, rng)} ${route.words}`,
    change: `${seen(object)} goes to ${seen(moved)}`,
    target: exchanged(scene, object, [moved]),
  };
};

interface Route {
  readonly to: Cell;
  readonly words: string;
  readonly verbs: readonly string[];
}

function moveToCell(scene: Scene, _object: SceneObject, rng: Rng): Route {
  const to = rng.pick(freeCells(scene));
  return { to, words: `to ${nameCell(scene, to, rng)}`, verbs: ["Move", "Bring", "Shift"] };
}

function moveBeside(scene: Scene, object: SceneObject, rng: Rng): Route | undefined {
  const to = rng.pick(freeCells(scene));
  const places = namesBeside(scene, to, rng, object);
  return places.length === 0 ? undefined : { to, words: rng.pick(places), verbs: ["Move", "Put", "Place"] };
}

function moveBySteps(scene: Scene, object: SceneObject, rng: Rng): Route | undefined {
  const direction = rng.pick([
    { word: "left", row: 0, column: -1 },
    { word: "right", row: 0, column: 1 },
    { word: "up", row: -1, column: 0 },
    { word: "down", row: 1, column: 0 },
  ]);
  const steps = 1 + rng.integer(3);
  const to = { row: object.row + steps * direction.row, column: object.column + steps * direction.column };
  if (!isInside(scene, to) || objectAt(scene, to) !== undefined) return undefined;
  const words = `${numberWord(steps)} ${steps === 1 ? "cell" : "cells"} ${direction.word}`;
  return { to, words, verbs: ["Move", "Shift", "Slide"] };
}

export const swap: ProposeEdit = (scene, rng) => {
  const [first, second] = rng.shuffled(scene.objects);
  if (first === undefined || second === undefined || lookOf(first) === lookOf(second)) return undefined;
  const names = `${nameObject(scene, first, rng)} and ${nameObject(scene, second, rng)}`;
  const others = scene.objects.filter((object) => object !== first && object !== second);
  return {
    instruction: rng.pick([
      `Swap ${names}`,
      `Switch ${names}`,
      `Exchange ${names}`,
      `Let ${names} trade places`,
      `Swap the places of ${names}`,
    ]),
    change: `${seen(first)} and ${seen(second)} trade places`,
    target: withObjects(scene, [
      ...others,
      { ...first, row: second.row, column: second.column },
      { ...second, row: first.row, column: first.column },
    ]),
  };
};

export const count: ProposeEdit = (scene, rng) => {
  const ways =
    scene.phrasing === "plain"
      ? [countAll, countFilled]
      : [countAll, countNearest, countFilled, countAligned];
  return rng.pick(ways)(scene, rng);
};

function without(scene: Scene, gone: readonly SceneObject[], instruction: string): SceneEdit {
  return {
    instruction,
    change: `${gone.map(seen).join(", ")} ${gone.length === 1 ? "goes" : "go"}`,
    target: withObjects(
      scene,
      scene.objects.filter((object) => !gone.includes(object)),
    ),
  };
}

/** Every one of several likes goes; something else stays. */
function countAll(scene: Scene, rng: Rng): SceneEdit | undefined {
  const groups = groupsOfLikes(scene).filter(({ objects }) => objects.length < scene.objects.length);
  if (groups.length === 0) return undefined;
  const { objects, singular, plural } = rng.pick(groups);
  const wordings = [
    `Remove all ${plural}`,
    `Delete every ${singular}`,
    `Leave no ${plural}`,
    `Take away the ${numberWord(objects.length)} ${plural}`,
  ];
  return without(scene, objects, rng.pick(wordings));
}

/** Some of several likes go or stay: those nearest a side. */
function countNearest(scene: Scene, rng: Rng): SceneEdit | undefined {
  const groups = groupsOfLikes(scene);
  if (groups.length === 0) return undefined;
  const { objects, singular, plural } = rng.pick(groups);
  const side = pickSide(rng);
  const named = nearest(objects, side, 1 + rng.integer(objects.length - 1));
  if (named === undefined) return undefined;
  const others = objects.filter((object) => !named.includes(object));
  const number = numberWord(named.length);
  const one = named.length === 1;
  if (!one && rng.integer(2) === 0) {
    const verb = rng.pick(["Remove", "Delete", "Take away"]);
    return without(scene, named, `${verb} the ${number} ${side.word} ${plural}`);
  }
  const kept = one ? `the ${side.word} one` : `the ${number} ${side.word} ones`;
  const exactly = one ? `one ${singular}, ${kept}` : `${number} ${plural}, the ${side.word} ones`;
  const wordings = [
    `Remove all ${plural} but ${kept}`,
    `Of the ${plural}, keep only ${kept}`,
    `Make it exactly ${exactly}`,
  ];
  return without(scene, others, rng.pick(wordings));
}

function drawLine(scene: Scene, rng: Rng): Line & { readonly free: readonly Cell[] } {
  const along = rng.pick(["row", "column"] as const);
  const index = rng.integer(along === "row" ? scene.rows : scene.columns);
  const free = freeCells(scene).filter((cell) => cell[along] === index);
  return { along, index, free };
}

function withLikes(scene: Scene, cells: readonly Cell[], rng: Rng): SceneEdit & { readonly looks: string } {
  const look = drawLook(rng);
  const added = cells.map((cell) => ({ ...look, row: cell.row, column: cell.column }));
  return {
    looks: `${numberWord(cells.length)} ${lookOf(look)}s`,
    instruction: "",
    change: `new ${added.map(seen).join(", ")}`,
    target: withObjects(scene, [...scene.objects, ...added]),
  };
}

/** As many likes as a row or column has room for. */
function countFilled(scene: Scene, rng: Rng): SceneEdit | undefined {
  const { along, index, free } = drawLine(scene, rng);
  if (free.length < 2 || free.length > MOST) return undefined;
  const { looks, ...edit } = withLikes(scene, free, rng);
  const name = nameLine(scene, { along, index }, rng);
  const wordings = [
    `Fill ${name} with ${looks}`,
    `Add ${looks} to fill ${name}`,
    `Complete ${name} with ${looks}`,
  ];
  return { ...edit, instruction: rng.pick(wordings) };
}

/** Fewer likes than a row or column has room for, in its first or last free cells in reading order. */
function countAligned(scene: Scene, rng: Rng): SceneEdit | undefined {
  const { along, index, free } = drawLine(scene, rng);
  const line = `${along} ${index + 1}`;
  if (free.length < 3) return undefined;
  const number = 2 + rng.integer(Math.min(free.length - 2, MOST - 1));
  const isFirst = rng.integer(2) === 0;
  const { looks, ...edit } = withLikes(scene, isFirst ? free.slice(0, number) : free.slice(-number), rng);
  const verb = rng.pick(["Add", "Put", "Place", "Draw"]);
  return {
    ...edit,
    instruction: `${verb} ${looks} in the ${isFirst ? "first" : "last"} free cells of ${line}`,
  };
}
