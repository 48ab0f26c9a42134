/** Seconds a step against size, both relative to the smallest, both axes logarithmic: a slope of 1 is linear. */

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

import type { Point } from "./exponent.ts";

interface Series {
  readonly about: string;
  readonly points: readonly Point[];
}

/** Ends that are nearer than this, as a ratio, have their names above and below each other. */
const CROWDED = 1.08;

function anchorOf<Row extends { readonly slower: number }>(
  row: Row,
  others: readonly Row[],
): "top" | "middle" | "bottom" {
  const isNear = (ratio: number): boolean => ratio >= 1 && ratio < CROWDED;
  const rest = others.filter((other) => other !== row);
  if (rest.some((other) => isNear(other.slower / row.slower))) return "top";
  return rest.some((other) => isNear(row.slower / other.slower)) ? "bottom" : "middle";
}

/** An SVG file. */
export function drawGrowth(series: readonly Series[]): string {
  const { document } = parseHTML("<html><body></body></html>");
  const rows = series.flatMap(({ about, points }) =>
    points.map(({ size, seconds }) => ({
      about,
      times: size / (points[0]?.size ?? 1),
      slower: seconds / (points[0]?.seconds ?? 1),
    })),
  );
  const most = Math.max(...rows.map(({ times }) => times));
  const last = series.map(({ about }) => rows.findLast((row) => row.about === about)!);
  const drawn = Plot.plot({
    document,
    width: 640,
    height: 400,
    marginLeft: 50,
    marginRight: 170,
    style: { fontSize: "12px", background: "white" },
    x: { type: "log", base: 2, label: "times the smallest size", tickFormat: String },
    y: { type: "log", base: 2, label: "times its seconds a step", tickFormat: String, grid: true },
    color: { domain: series.map(({ about }) => about) },
    marks: [
      Plot.line(
        [
          { times: 1, slower: 1 },
          { times: most, slower: most },
        ],
        { x: "times", y: "slower", stroke: "#999", strokeDasharray: "4 3" },
      ),
      Plot.line(rows, { x: "times", y: "slower", stroke: "about", strokeWidth: 1.75 }),
      Plot.dot(rows, { x: "times", y: "slower", fill: "about", r: 3 }),
      ...(["top", "middle", "bottom"] as const).map((lineAnchor) =>
        Plot.text(
          last.filter((row) => anchorOf(row, last) === lineAnchor),
          { x: "times", y: "slower", text: "about", fill: "about", textAnchor: "start", dx: 8, lineAnchor },
        ),
      ),
    ],
  });
  drawn.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return `${drawn.outerHTML.replaceAll(/(\d+\.\d{2})\d{4,}/g, "$1")}\n`;
}
