/** Arms as a plain-text table for the terminal: each measure's means with the ends of their 95 % intervals. */

import type { ArmResult, LoggedMeasure } from "../runs/arm-result.ts";

const LEFT_ALIGNED = 2;

type Measures = readonly LoggedMeasure[];

/** The rows of one kind of edit ("all" unless told), in the order given. */
export function armTable(results: readonly ArmResult[], measures: Measures, task = "all"): string {
  const rows = results
    .filter((result) => result.task === task)
    .map((result) => [result.arm, ...cellsOf(result, measures)]);
  return aligned([headerOf(measures), ...rows]);
}

/** Every kind of edit below each other, each with its arms. */
export function armTableByTask(results: readonly ArmResult[], measures: Measures): string {
  const header = headerOf(measures);
  const tasks = [...new Set(results.map((result) => result.task))];
  const blocks = tasks.map((task) => {
    const own = results.filter((result) => result.task === task);
    return [
      header.map((_, column) => (column === 0 ? task : "")),
      ...own.map((result) => [`  ${result.arm}`, ...cellsOf(result, measures)]),
    ];
  });
  return aligned([header, ...blocks.flat()]);
}

function headerOf(measures: Measures): string[] {
  return ["arm", "decoding", "edits", ...measures.flatMap(({ label }) => [label, "95 %"]), "failed"];
}

function cellsOf({ decoding, count, figures, failed }: ArmResult, measures: Measures): string[] {
  const cells = measures.flatMap(({ name, unit }) => {
    const figure = figures[name];
    if (figure === undefined) return ["—", ""];
    const digits = unit === "share" ? 3 : 2;
    return [figure.mean.toFixed(digits), `${figure.low.toFixed(digits)}–${figure.high.toFixed(digits)}`];
  });
  return [decoding, String(count), ...cells, String(failed)];
}

function aligned([header = [], ...body]: readonly (readonly string[])[]): string {
  const widths = header.map((_, column) =>
    Math.max(...[header, ...body].map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column < LEFT_ALIGNED ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("──");
  return [line(header), rule, ...body.map(line)].join("\n");
}
