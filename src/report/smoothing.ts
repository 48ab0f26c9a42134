/** A centred moving average, drawn over the raw line so that both are seen; it changes no number elsewhere. */

import type { MetricPoint } from "./read-run.ts";

/**
 * Each point's mean over its neighbours, `radius` on each side; at the ends the window shrinks evenly, so that the
 * first and last values stay true. Steps are kept.
 */
export function smoothed(points: readonly MetricPoint[], radius: number): MetricPoint[] {
  const sums = [0];
  for (const point of points) sums.push((sums.at(-1) ?? 0) + point.value);
  return points.map(({ step }, index) => {
    const reach = Math.min(radius, index, points.length - 1 - index);
    const total = (sums[index + reach + 1] ?? 0) - (sums[index - reach] ?? 0);
    return { step, value: total / (2 * reach + 1) };
  });
}
