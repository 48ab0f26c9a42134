/** Arms as a plain-text table for the terminal: means with the ends of their 95 % intervals. */

import type { ArmResult } from "../runs/event.ts";

const HEADER = ["arm", "decoding", "edits", "reward", "95 %", "exact match", "95 %", "failed"] as const;
const LEFT_ALIGNED = 2;

/** The rows of one kind of edit ("all" unless told), in the order given. */
export function armTable(results: readonly ArmResult[], task = "all"): string {
  const rows = results
    .filter((result) => result.task === task)
    .map((result) => [result.arm, ...cellsOf(result)]);
  return aligned([[...HEADER], ...rows]);
}

/** Every kind of edit below each other, each with its arms. */
export function armTableByTask(results: readonly ArmResult[]): string {
  const tasks = [...new Set(results.map((result) => result.task))];
  const blocks = tasks.map((task) => {
    const own = results.filter((result) => result.task === task);
    return [
      [task, "", "", "", "", "", "", ""],
      ...own.map((result) => [`  ${result.arm}`, ...cellsOf(result)]),
    ];
  });
  return aligned([[...HEADER], ...blocks.flat()]);
}

function cellsOf(result: ArmResult): string[] {
  const { decoding, count, reward, exactMatch, failed } = result;
  return [
    decoding,
    String(count),
    reward.mean.toFixed(2),
    `${reward.low.toFixed(2)}–${reward.high.toFixed(2)}`,
    exactMatch.mean.toFixed(3),
    `${exactMatch.low.toFixed(3)}–${exactMatch.high.toFixed(3)}`,
    String(failed),
  ];
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column < LEFT_ALIGNED ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  const [header, ...body] = rows.map(line);
  const rule = widths.map((width) => "─".repeat(width)).join("──");
  return [header, rule, ...body].join("\n");
}
