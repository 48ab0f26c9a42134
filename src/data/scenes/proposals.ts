/** Which function draws which kind of edit. */

import type { Rng } from "../../random.ts";
import { count, move, swap } from "./complex-edits.ts";
import type { EditKind, ProposeEdit, SceneEdit } from "./edit.ts";
import type { Scene } from "./scene.ts";
import { add, background, recolour, remove, replace } from "./simple-edits.ts";

const PROPOSALS: Readonly<Record<EditKind, ProposeEdit>> = {
  recolour,
  add,
  remove,
  replace,
  background,
  move,
  swap,
  count,
};

/** An edit of the kind, or undefined where this draw has none to offer. */
export function proposeEdit(kind: EditKind, scene: Scene, rng: Rng): SceneEdit | undefined {
  return PROPOSALS[kind](scene, rng);
}
