/** Comparisons as a person reads them: one line a quantity, its pieces folded into the worst of them. */

import type { Comparison } from "./comparison.ts";

export interface QuantitySummary {
  readonly quantity: string;
  /** Pieces compared. */
  readonly parts: number;
  readonly count: number;
  readonly largestAbsolute: number | undefined;
  readonly largestRelative: number | undefined;
  readonly tolerance: Comparison["tolerance"];
  readonly failed: readonly Comparison[];
}

/** A summary a quantity, in the order in which they first appear. */
export function summarize(comparisons: readonly Comparison[]): QuantitySummary[] {
  const quantities = new Map<string, Comparison[]>();
  for (const comparison of comparisons) {
    quantities.set(comparison.quantity, [...(quantities.get(comparison.quantity) ?? []), comparison]);
  }
  return [...quantities].map(([quantity, parts]) => ({
    quantity,
    parts: parts.length,
    count: parts.reduce((sum, { count }) => sum + count, 0),
    largestAbsolute: largest(parts.map(({ largestAbsolute }) => largestAbsolute)),
    largestRelative: largest(parts.map(({ largestRelative }) => largestRelative)),
    tolerance: (parts[0] as Comparison).tolerance,
    failed: parts.filter(({ isWithin }) => !isWithin),
  }));
}

function largest(values: readonly (number | undefined)[]): number | undefined {
  const numbers = values.filter((value) => value !== undefined);
  return numbers.length === 0 ? undefined : numbers.reduce((most, value) => Math.max(most, value));
}

/** Rows for a table, its head first. */
export function summaryRows(summaries: readonly QuantitySummary[]): string[][] {
  const figure = (value: number | undefined): string =>
    value === undefined ? "" : value === 0 ? "0" : value.toExponential(1);
  return [
    ["quantity", "parts", "values", "absolute", "relative", "allowed", "result"],
    ...summaries.map((summary) => [
      summary.quantity,
      String(summary.parts),
      String(summary.count),
      figure(summary.largestAbsolute),
      figure(summary.largestRelative),
      allowed(summary.tolerance),
      summary.failed.length === 0 ? "ok" : "FAIL",
    ]),
  ];
}

function allowed(tolerance: Comparison["tolerance"]): string {
  if (tolerance.kind === "equal" || tolerance.limit === 0) return "equal";
  return `${tolerance.limit.toExponential(0)} ${tolerance.kind}`;
}

/** A line a piece that is past its tolerance: which, and where. */
export function failureLines(summaries: readonly QuantitySummary[]): string[] {
  return summaries.flatMap(({ failed }) =>
    failed.map(({ quantity, part, unequal }) =>
      [`FAIL ${quantity}`, part, unequal].filter((text) => text !== undefined).join(", "),
    ),
  );
}
