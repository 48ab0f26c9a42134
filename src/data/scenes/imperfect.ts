/**
 * Wrong targets on purpose. Demonstrations in real edit data are partly wrong (made by models, then filtered), so
 * a share of the training pairs can be: nothing was edited, too much was, or something else was.
 */

import type { Rng } from "../../random.ts";
import { EDIT_KINDS, type EditKind } from "./edit.ts";
import { proposeEdit } from "./proposals.ts";
import { sceneKey, type Scene } from "./scene.ts";

export const IMPERFECTIONS = ["no-edit", "extra-edit", "other-edit"] as const;
export type Imperfection = "none" | (typeof IMPERFECTIONS)[number];

export interface Spoiled {
  readonly target: Scene;
  readonly imperfection: Imperfection;
}

const MAX_DRAWS = 100;

interface RightEdit {
  readonly kind: EditKind;
  readonly source: Scene;
  readonly target: Scene;
}

/**
 * A wrong target for an edit. Where no other edit of the kind exists (two objects can be swapped in one way only)
 * the target has an extra edit instead; `imperfection` says what came out.
 */
export function spoil(right: RightEdit, fault: (typeof IMPERFECTIONS)[number], rng: Rng): Spoiled {
  switch (fault) {
    case "no-edit":
      return { target: right.source, imperfection: "no-edit" };
    case "extra-edit":
      return extraEdit(right, rng);
    case "other-edit":
      return otherEdit(right, rng) ?? extraEdit(right, rng);
    default:
      return fault satisfies never;
  }
}

/** The right target, edited once more in a way that neither undoes nor repeats the edit. */
function extraEdit(right: RightEdit, rng: Rng): Spoiled {
  for (;;) {
    const target = proposeEdit(rng.pick(EDIT_KINDS), right.target, rng)?.target;
    if (target !== undefined && isWrong(right, target)) return { target, imperfection: "extra-edit" };
  }
}

function otherEdit(right: RightEdit, rng: Rng): Spoiled | undefined {
  for (let draw = 0; draw < MAX_DRAWS; draw += 1) {
    const target = proposeEdit(right.kind, right.source, rng)?.target;
    if (target !== undefined && isWrong(right, target)) return { target, imperfection: "other-edit" };
  }
  return undefined;
}

function isWrong(right: RightEdit, target: Scene): boolean {
  return ![right.source, right.target].map(sceneKey).includes(sceneKey(target));
}
