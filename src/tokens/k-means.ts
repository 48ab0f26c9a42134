/**
 * Weighted k-means over byte vectors, seeded by k-means++ (Arthur & Vassilvitskii 2007). Written for the patch
 * codebook: a few thousand vectors of a few hundred bytes, in seconds.
 */

import type { Rng } from "../random.ts";

export interface Points {
  readonly count: number;
  readonly dimensions: number;
  /** [count, dimensions], whole pixels of three bytes. */
  readonly values: Uint8Array;
  /** How often each point occurs. [count] */
  readonly weights: Float64Array;
}

const MOST_ROUNDS = 10;

/**
 * `centreCount` centres, rounded to bytes. [centreCount, dimensions] A centre that no point is nearest to moves to
 * the point that lies farthest from its own. Needs at least as many distinct points as centres.
 */
export function kMeans(points: Points, centreCount: number, rng: Rng): Uint8Array {
  let centres = seeds(points, centreCount, rng);
  let before: Int32Array | undefined;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const { nearest, distances } = assign(points, centres);
    if (before?.every((centre, point) => centre === nearest[point])) break;
    centres = means(points, centreCount, nearest, distances);
    before = nearest;
  }
  return centres;
}

/**
 * The row of `table` [rows, length], length a multiple of 3, with the smallest squared distance to the vector at `values[offset…]`, the first
 * of several; `distance` is that distance.
 */
export function nearestRow(
  values: Uint8Array,
  offset: number,
  table: Uint8Array,
  length: number,
): { row: number; distance: number } {
  let row = 0;
  let distance = Infinity;
  for (let start = 0, index = 0; start < table.length; start += length, index += 1) {
    let sum = 0;
    // A row that is already farther than the best so far cannot win; most rows end early. A pixel at a time.
    for (let at = 0; at < length && sum < distance; at += 3) {
      const red = (values[offset + at] as number) - (table[start + at] as number);
      const green = (values[offset + at + 1] as number) - (table[start + at + 1] as number);
      const blue = (values[offset + at + 2] as number) - (table[start + at + 2] as number);
      sum += red * red + green * green + blue * blue;
    }
    if (sum < distance) {
      row = index;
      distance = sum;
    }
  }
  return { row, distance };
}

/** The first centre by weight alone, each further one by weight times squared distance to the nearest so far. */
function seeds({ count, dimensions, values, weights }: Points, centreCount: number, rng: Rng): Uint8Array {
  const centres = new Uint8Array(centreCount * dimensions);
  const distances = new Float64Array(count).fill(Infinity);
  for (let centre = 0; centre < centreCount; centre += 1) {
    const chances = weights.map((weight, point) =>
      centre === 0 ? weight : weight * (distances[point] as number),
    );
    const chosen = draw(chances, rng);
    const row = values.subarray(chosen * dimensions, (chosen + 1) * dimensions);
    centres.set(row, centre * dimensions);
    for (let point = 0; point < count; point += 1) {
      const { distance } = nearestRow(values, point * dimensions, row, dimensions);
      distances[point] = Math.min(distances[point] as number, distance);
    }
  }
  return centres;
}

/** An index, each as likely as its chance; never one whose chance is 0 while another's is not. */
function draw(chances: Float64Array, rng: Rng): number {
  const total = chances.reduce((sum, chance) => sum + chance, 0);
  let left = rng.uniform() * total;
  let last = 0;
  for (let index = 0; index < chances.length; index += 1) {
    const chance = chances[index] as number;
    if (chance === 0) continue;
    last = index;
    left -= chance;
    if (left < 0) break;
  }
  return last;
}

function assign(
  { count, dimensions, values }: Points,
  centres: Uint8Array,
): { nearest: Int32Array; distances: Float64Array } {
  const nearest = new Int32Array(count);
  const distances = new Float64Array(count);
  for (let point = 0; point < count; point += 1) {
    const { row, distance } = nearestRow(values, point * dimensions, centres, dimensions);
    nearest[point] = row;
    distances[point] = distance;
  }
  return { nearest, distances };
}

function means(
  points: Points,
  centreCount: number,
  nearest: Int32Array,
  distances: Float64Array,
): Uint8Array {
  const { count, dimensions, values, weights } = points;
  const sums = new Float64Array(centreCount * dimensions);
  const totals = new Float64Array(centreCount);
  for (let point = 0; point < count; point += 1) {
    const centre = nearest[point] as number;
    const weight = weights[point] as number;
    totals[centre] = (totals[centre] as number) + weight;
    for (let at = 0; at < dimensions; at += 1) {
      const slot = centre * dimensions + at;
      sums[slot] = (sums[slot] as number) + weight * (values[point * dimensions + at] as number);
    }
  }
  const centres = new Uint8Array(centreCount * dimensions);
  const farthestFirst = [...distances.keys()].toSorted(
    (a, b) => (distances[b] as number) - (distances[a] as number) || a - b,
  );
  for (let centre = 0; centre < centreCount; centre += 1) {
    const total = totals[centre] as number;
    const start = centre * dimensions;
    if (total === 0) {
      const point = farthestFirst.shift() as number;
      centres.set(values.subarray(point * dimensions, (point + 1) * dimensions), start);
      continue;
    }
    for (let at = 0; at < dimensions; at += 1) {
      centres[start + at] = Math.round((sums[start + at] as number) / total);
    }
  }
  return centres;
}
