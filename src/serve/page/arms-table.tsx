/** A benchmark's table: every arm, each figure with its interval. */

import type { JSX } from "preact";

import type { RunSummary } from "../messages.ts";

type Table = RunSummary["tables"][number];
type Cell = Table["results"][number]["figures"][string];

export function ArmsTable({ table: { measures, results } }: { readonly table: Table }): JSX.Element {
  const tasks = [...new Set(results.map(({ task }) => task))];
  const rowsOf = (task: string): Table["results"][number][] => results.filter((row) => row.task === task);
  return (
    <>
      <Rows measures={measures} rows={rowsOf("all")} />
      {tasks.length > 1 && (
        <details>
          <summary>By kind of edit</summary>
          {tasks
            .filter((task) => task !== "all")
            .map((task) => (
              <section key={task}>
                <h3>{task}</h3>
                <Rows measures={measures} rows={rowsOf(task)} />
              </section>
            ))}
        </details>
      )}
    </>
  );
}

function Rows({
  measures,
  rows,
}: {
  readonly measures: Table["measures"];
  readonly rows: Table["results"];
}): JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="Table of results">
      <table>
        <thead>
          <tr>
            <th scope="col">policy</th>
            <th scope="col">decoding</th>
            {measures.map(({ name, label }) => (
              <th key={name} scope="col">
                {label}
              </th>
            ))}
            <th scope="col">edits</th>
            <th scope="col">failed</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.arm} ${row.decoding}`}>
              <th scope="row">{row.arm}</th>
              <td>{row.decoding}</td>
              {measures.map(({ name, unit }) => (
                <td key={name}>{interval(row.figures[name], unit === "share")}</td>
              ))}
              <td>{row.count}</td>
              <td>{row.failed}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function interval(cell: Cell | undefined, isShare: boolean): JSX.Element | string {
  if (cell === undefined) return "—";
  const show = (value: number): string => (isShare ? `${(100 * value).toFixed(1)} %` : value.toFixed(2));
  return (
    <>
      {show(cell.mean)}{" "}
      <small>
        {show(cell.low)} to {show(cell.high)}
      </small>
    </>
  );
}
