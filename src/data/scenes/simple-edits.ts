/** Edits of one thing where it stands: recolour, add, remove, replace, background. */

import type { Rng } from "../../random.ts";
import type { ProposeEdit } from "./edit.ts";
import { nameCell, namesBeside, nameObject } from "./reference.ts";
import { boxOf } from "./render.ts";
import {
  BACKGROUND_NAMES,
  COLOUR_NAMES,
  freeCells,
  lookOf,
  SHAPES,
  SIZES,
  withObjects,
  type Look,
  type Scene,
  type SceneObject,
} from "./scene.ts";

export function drawLook(rng: Rng): Look {
  return { size: rng.pick(SIZES), colour: rng.pick(COLOUR_NAMES), shape: rng.pick(SHAPES) };
}

/** "small red circle [2, 2, 6, 6]" */
export function seen(object: SceneObject): string {
  return `${lookOf(object)} [${boxOf(object).join(", ")}]`;
}

/** The scene with one object given up for others. */
export function exchanged(scene: Scene, object: SceneObject, others: readonly SceneObject[]): Scene {
  return withObjects(scene, [...scene.objects.filter((one) => one !== object), ...others]);
}

export const recolour: ProposeEdit = (scene, rng) => {
  const object = rng.pick(scene.objects);
  const colour = rng.pick(COLOUR_NAMES.filter((name) => name !== object.colour));
  const name = nameObject(scene, object, rng);
  return {
    instruction: rng.pick([
      `Make ${name} ${colour}`,
      `Turn ${name} ${colour}`,
      `Paint ${name} ${colour}`,
      `Recolour ${name} to ${colour}`,
      `Change the colour of ${name} to ${colour}`,
    ]),
    change: `${seen(object)} becomes ${colour}`,
    target: exchanged(scene, object, [{ ...object, colour }]),
  };
};

export const add: ProposeEdit = (scene, rng) => {
  const free = freeCells(scene);
  if (free.length === 0) return undefined;
  const cell = rng.pick(free);
  const object = { ...drawLook(rng), ...cell };
  const beside = namesBeside(scene, cell, rng);
  const inCell = `in ${nameCell(scene, cell, rng)}`;
  const place = beside.length > 0 && rng.integer(2) === 0 ? rng.pick(beside) : inCell;
  const verb = rng.pick(["Add", "Put", "Place", "Draw", "Insert"]);
  return {
    instruction: `${verb} a ${lookOf(object)} ${place}`,
    change: `new ${seen(object)}`,
    target: withObjects(scene, [...scene.objects, object]),
  };
};

export const remove: ProposeEdit = (scene, rng) => {
  if (scene.objects.length < 2) return undefined;
  const object = rng.pick(scene.objects);
  const verb = rng.pick(["Remove", "Delete", "Erase", "Take away", "Get rid of"]);
  return {
    instruction: `${verb} ${nameObject(scene, object, rng)}`,
    change: `${seen(object)} goes`,
    target: exchanged(scene, object, []),
  };
};

/** Either another shape in the same size and colour ("turn into a square"), or a wholly described stand-in. */
export const replace: ProposeEdit = (scene, rng) => {
  const object = rng.pick(scene.objects);
  const shape = rng.pick(SHAPES.filter((name) => name !== object.shape));
  const name = nameObject(scene, object, rng);
  const keepsLook = rng.integer(2) === 0;
  const standIn = keepsLook ? { ...object, shape } : { ...object, ...drawLook(rng), shape };
  return {
    instruction: keepsLook
      ? rng.pick([
          `Turn ${name} into a ${shape}`,
          `Change ${name} into a ${shape}`,
          `Make ${name} a ${shape}`,
        ])
      : rng.pick([
          `Replace ${name} with a ${lookOf(standIn)}`,
          `Put a ${lookOf(standIn)} in place of ${name}`,
          `Substitute a ${lookOf(standIn)} for ${name}`,
        ]),
    change: `${seen(object)} becomes ${seen(standIn)}`,
    target: exchanged(scene, object, [standIn]),
  };
};

export const background: ProposeEdit = (scene, rng) => {
  const colour = rng.pick(BACKGROUND_NAMES.filter((name) => name !== scene.background));
  return {
    instruction: rng.pick([
      `Make the background ${colour}`,
      `Change the background to ${colour}`,
      `Paint the background ${colour}`,
      `Turn the background ${colour}`,
      `Use a ${colour} background`,
    ]),
    change: `background becomes ${colour}`,
    target: { ...scene, background: colour },
  };
};
