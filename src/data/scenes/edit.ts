/** An edit of a scene: what is asked, and the one picture that answers it. */

import type { Rng } from "../../random.ts";
import type { Scene } from "./scene.ts";

export const SIMPLE_KINDS = ["recolour", "add", "remove", "replace", "background"] as const;
export const COMPLEX_KINDS = ["move", "swap", "count"] as const;
export const EDIT_KINDS = [...SIMPLE_KINDS, ...COMPLEX_KINDS] as const;
export type EditKind = (typeof EDIT_KINDS)[number];

export interface SceneEdit {
  readonly instruction: string;
  /** What changes, with boxes: the second half of the thought. */
  readonly change: string;
  readonly target: Scene;
}

/** Draws an edit of one kind, or gives undefined where the draw does not fit the scene. */
export type ProposeEdit = (scene: Scene, rng: Rng) => SceneEdit | undefined;
