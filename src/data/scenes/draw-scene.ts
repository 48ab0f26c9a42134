/** Random scenes. */

import type { Rng } from "../../random.ts";
import { BACKGROUND_NAMES, cellsOf, withObjects, type Phrasing, type Scene } from "./scene.ts";
import { drawLook } from "./simple-edits.ts";

/** 2 to 5 objects; some copy a trait of another, so that "the circle" is not always enough to name one. */
export function drawScene(rng: Rng, cells: number, phrasing: Phrasing = "rich"): Scene {
  const background = rng.pick(BACKGROUND_NAMES);
  const empty: Scene = { phrasing, rows: cells, columns: cells, background, objects: [] };
  const places = rng.shuffled(cellsOf(empty)).slice(0, 2 + rng.integer(4));
  const looks = [drawLook(rng)];
  for (const _ of places.slice(1)) {
    const look = drawLook(rng);
    const model = rng.pick(looks);
    const copies = rng.integer(4);
    if (copies === 0) looks.push({ ...look, shape: model.shape });
    else if (copies === 1) looks.push({ ...look, colour: model.colour });
    else looks.push(look);
  }
  return withObjects(
    empty,
    places.map((place, index) => ({ ...(looks[index] ?? drawLook(rng)), ...place })),
  );
}
