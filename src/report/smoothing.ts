/** A centred moving average, drawn over the raw line so that both are seen; it changes no number elsewhere. */

import type { MetricPoint } from "./read-run.ts";

/**
 * Each point's mean over its neighbours, up to `radius` on each side; at the ends over those that exist. Steps are
 * kept.
 */
export function smoothed(points: readonly MetricPoint[], radius: number): MetricPoint[] {
  const sums = [0];
  for (const point of points) sums.push((sums.at(-1) ?? 0) + point.value);
  return points.map(({ step }, index) => {
    const [from, to] = [Math.max(0, index - radius), Math.min(points.length, index + radius + 1)];
    return { step, value: ((sums[to] ?? 0) - (sums[from] ?? 0)) / (to - from) };
  });
}
