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

/** How the name of the end `at` stands beside it; ends from the highest down. */
function anchorOf(ends: readonly { readonly slower: number }[], at: number): "top" | "middle" | "bottom" {
  const isCrowded = (upper: number): boolean =>
    upper >= 0 && upper + 1 < ends.length && ends[upper]!.slower / ends[upper + 1]!.slower < CROWDED;
  if (isCrowded(at - 1)) return "top";
  return isCrowded(at) ? "bottom" : "middle";
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
  const ends = series
    .map(({ about }) => rows.findLast((row) => row.about === about)!)
    .toSorted((left, right) => right.slower - left.slower);
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
      ...ends.map((end, at) =>
        Plot.text([end], {
          x: "times",
          y: "slower",
          text: "about",
          fill: "about",
          textAnchor: "start",
          lineAnchor: anchorOf(ends, at),
          dx: 8,
        }),
      ),
    ],
  });
  drawn.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return `${drawn.outerHTML.replaceAll(/(\d+\.\d{2})\d{4,}/g, "$1")}\n`;
}
