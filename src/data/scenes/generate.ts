/**
 * Draws scene examples. The same seed, split and settings give the same examples; a scene's content, not the
 * seed, decides its split, and no prompt (scene and instruction) comes twice within a split.
 */

import { createHash } from "node:crypto";

import { DataError } from "../../errors.ts";
import { Rng } from "../../random.ts";
import { drawScene } from "./draw-scene.ts";
import { EDIT_KINDS, type EditKind } from "./edit.ts";
import { IMPERFECTIONS, spoil, type Imperfection } from "./imperfect.ts";
import { proposeEdit } from "./proposals.ts";
import { sceneKey, splitOf, type Phrasing, type Scene, type SceneSplit } from "./scene.ts";
import { seen } from "./simple-edits.ts";

/** Longest instruction, in characters. */
export const MAX_INSTRUCTION = 72;

/** Draws of one example before the generator gives up: what is asked for does not exist often enough. */
const MAX_DRAWS = 10_000;

export interface SceneExample {
  /** Made from the prompt, so the same prompt has the same id in every dataset. */
  readonly id: string;
  readonly kind: EditKind;
  readonly instruction: string;
  readonly thought: string;
  readonly source: Scene;
  /** The picture that is demonstrated; the right one unless `imperfection` says otherwise. */
  readonly target: Scene;
  readonly imperfection: Imperfection;
}

export interface SceneRequest {
  readonly seed: number;
  readonly split: SceneSplit;
  readonly count: number;
  /** Share of the examples that get a wrong target, 0…1. */
  readonly imperfect: number;
  /** Rows and columns of the grid. */
  readonly cells: number;
  readonly kinds?: readonly EditKind[];
  /** "rich" unless given. */
  readonly phrasing?: Phrasing;
}

/** Yields `count` examples, kinds in turn. Throws DataError where so many different prompts do not exist. */
export function* generateScenes(request: SceneRequest): Generator<SceneExample> {
  const kinds = request.kinds ?? EDIT_KINDS;
  const spoiled = imperfectIndices(request);
  const ids = new Set<string>();
  for (let index = 0; index < request.count; index += 1) {
    const kind = kinds[index % kinds.length] as EditKind;
    const rng = Rng.from(request.seed, "scenes", request.split, index);
    const right = drawNewExample(request, kind, rng, ids);
    ids.add(right.id);
    const fault = spoiled.get(index);
    yield fault === undefined ? right : { ...right, ...spoil(right, fault, rng) };
  }
}

function drawNewExample(
  request: SceneRequest,
  kind: EditKind,
  rng: Rng,
  ids: ReadonlySet<string>,
): SceneExample {
  for (let draw = 0; draw < MAX_DRAWS; draw += 1) {
    const source = drawScene(rng, request.cells, request.phrasing);
    if (splitOf(source) !== request.split) continue;
    const edit = proposeEdit(kind, source, rng);
    if (edit === undefined || edit.instruction.length > MAX_INSTRUCTION) continue;
    const id = exampleId(kind, source, edit.instruction);
    if (ids.has(id)) continue;
    return {
      id,
      kind,
      instruction: edit.instruction,
      thought: thoughtOf(source, edit.change),
      source,
      target: edit.target,
      imperfection: "none",
    };
  }
  throw new DataError(
    `No further ${kind} example was found for ${request.split} after ${ids.size} examples.`,
    {
      hint: "Ask for fewer examples or a larger grid of cells.",
    },
  );
}

function exampleId(kind: EditKind, source: Scene, instruction: string): string {
  const hash = createHash("sha256")
    .update(`${sceneKey(source)}\n${instruction}`)
    .digest("hex");
  return `scene_${kind}_${hash.slice(0, 16)}`;
}

/** What is where, then what changes. Boxes are [x1, y1, x2, y2] in pixels. */
function thoughtOf(source: Scene, change: string): string {
  return `There is ${source.objects.map(seen).join(", ")} on ${source.background}. Change: ${change}.`;
}

/** Exactly the asked share of the examples, and how each is to be wrong. */
function imperfectIndices({
  seed,
  split,
  count: total,
  imperfect,
}: SceneRequest): Map<number, (typeof IMPERFECTIONS)[number]> {
  const rng = Rng.from(seed, "imperfect", split);
  const indices = rng.shuffled(Array.from({ length: total }, (_, index) => index));
  const chosen = indices.slice(0, Math.round(total * imperfect));
  return new Map(
    chosen.map((index, order) => [index, IMPERFECTIONS[order % IMPERFECTIONS.length] ?? "no-edit"]),
  );
}
