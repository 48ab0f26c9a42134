import { quantile } from "../../src/algorithms/statistics.ts";

/** "12.3 (11.9–14.0)", of values that are multiplied for people. */
export function spread(figures: readonly number[], factor: number, digits: number): string {
  const [median, least, most] = [quantile(figures, 0.5), Math.min(...figures), Math.max(...figures)].map(
    (one) => (factor * one).toFixed(digits),
  );
  return `${median} (${least}–${most})`;
}
