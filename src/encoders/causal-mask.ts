/** What keeps a place from seeing later ones: −∞, as near as float32 comes, added to its scores. */

import { constant } from "../tensor/ops/leaves.ts";
import type { Value } from "../tensor/value.ts";

const NEVER = -3.4e38;

/** [1, 1, places, places] */
export function causalMask(places: number): Value {
  const data = Float32Array.from({ length: places ** 2 }, (_, at) =>
    at % places > Math.floor(at / places) ? NEVER : 0,
  );
  return constant(data, [1, 1, places, places]);
}
