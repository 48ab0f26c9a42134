/** Exponents of growth. */

/** A size and what a step of it took. */
export interface Point {
  readonly size: number;
  readonly seconds: number;
  /** Beyond what the process holds with the policy alone. */
  readonly bytes: number;
  /** Floating-point operations of matrix products. */
  readonly flops: number;
}

/** Slope of least squares between the logarithms of size and figure: y ∝ size^exponent. */
export function exponent(points: readonly Point[], figure: "seconds" | "bytes" | "flops"): number {
  const pairs = points.map((point) => [Math.log(point.size), Math.log(point[figure])] as const);
  const mean = (at: 0 | 1): number => pairs.reduce((sum, pair) => sum + pair[at], 0) / pairs.length;
  const [x, y] = [mean(0), mean(1)];
  const along = pairs.reduce((sum, pair) => sum + (pair[0] - x) * (pair[1] - y), 0);
  return along / pairs.reduce((sum, pair) => sum + (pair[0] - x) ** 2, 0);
}

export function growthLine({ size, seconds, bytes, flops }: Point): string {
  const cells = [
    String(size).padStart(6),
    `${seconds.toFixed(3).padStart(8)} s`,
    `${(bytes / 1e6).toFixed(0).padStart(6)} MB`,
    `${(flops / 1e9).toFixed(1).padStart(8)} GFLOP`,
    `${(flops / 1e9 / seconds).toFixed(0).padStart(4)} GFLOP/s`,
  ];
  return `  ${cells.join("  ")}\n`;
}
