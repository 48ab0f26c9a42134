/**
 * One line chart as an SVG string, drawn by Observable Plot into a document without a browser. Colours are CSS
 * variables of the page, so a chart follows the light or dark scheme it is seen in.
 */

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { tick } from "./format.ts";
import type { MetricPoint } from "./read-run.ts";
import { smoothed } from "./smoothing.ts";

export interface Band {
  readonly step: number;
  readonly low: number;
  readonly high: number;
}

export interface Line {
  readonly label: string;
  /** Name of a page colour: blue, orange, … */
  readonly colour: string;
  readonly points: readonly MetricPoint[];
  /** Drawn as a shade behind the line. */
  readonly band?: readonly Band[];
  /** Few and exact, as evaluations are: dots, no smoothing. */
  readonly isSparse?: boolean;
  /** Step of the checkpoint that was kept, ringed. */
  readonly bestStep?: number;
}

export interface Chart {
  /** What a screen reader says in place of the picture. */
  readonly description: string;
  readonly yLabel: string;
  /** Whether the vertical axis starts at zero. */
  readonly fromZero: boolean;
  readonly lines: readonly Line[];
}

const SIZE = { width: 400, height: 230, marginLeft: 46, marginRight: 12, marginTop: 26, marginBottom: 34 };
/** Fewer points than this are drawn as they are. */
const SMOOTHING_FROM = 30;
/** More points than this cannot be told apart at the chart's width. */
const MOST_POINTS = 800;

/** A line with at most `most` points: means of neighbouring steps. */
function thinned(points: readonly MetricPoint[], most: number): MetricPoint[] {
  const size = Math.ceil(points.length / most);
  if (size <= 1) return [...points];
  const thin: MetricPoint[] = [];
  for (let start = 0; start < points.length; start += size) {
    const bin = points.slice(start, start + size);
    const middle = bin[Math.floor(bin.length / 2)];
    const value = bin.reduce((sum, point) => sum + point.value, 0) / bin.length;
    if (middle !== undefined) thin.push({ step: middle.step, value });
  }
  return thin;
}

function lineMarks(line: Line): Plot.Markish[] {
  const stroke = `var(--${line.colour})`;
  const at = { x: "step", y: "value" } as const;
  const marks: Plot.Markish[] = [];
  if (line.band !== undefined) {
    const area = { x: "step", y1: "low", y2: "high", fill: stroke, fillOpacity: 0.14 };
    marks.push(Plot.areaY([...line.band], area));
  }
  const points = thinned(line.points, MOST_POINTS);
  const isSmoothed = line.isSparse !== true && points.length >= SMOOTHING_FROM;
  const radius = Math.max(2, Math.round(points.length / 40));
  if (isSmoothed) {
    marks.push(Plot.lineY(points, { ...at, stroke, strokeWidth: 1, strokeOpacity: 0.35 }));
    marks.push(Plot.lineY(smoothed(points, radius), { ...at, stroke, strokeWidth: 2 }));
  } else {
    marks.push(Plot.lineY(points, { ...at, stroke, strokeWidth: 1.75 }));
  }
  if (line.isSparse === true || points.length === 1)
    marks.push(Plot.dot(points, { ...at, fill: stroke, r: 3 }));
  const best = points.filter((point) => point.step === line.bestStep);
  marks.push(Plot.dot(best, { ...at, stroke, strokeWidth: 1.5, r: 6.5 }));
  return marks;
}

/** The chart as SVG markup, `viewBox` set, as wide as the place it is put in. */
export function drawChart(chart: Chart): string {
  const { document } = parseHTML("<html><body></body></html>");
  const svg = Plot.plot({
    ...SIZE,
    document,
    ariaLabel: chart.description,
    style: { fontSize: "12px", fontFamily: "inherit", background: "transparent" },
    x: { label: "step", labelArrow: "none", ticks: 5, tickFormat: tick, tickSize: 4 },
    y: {
      label: chart.yLabel,
      labelArrow: "none",
      ticks: 5,
      tickFormat: tick,
      tickSize: 0,
      grid: true,
      nice: true,
      zero: chart.fromZero,
    },
    marks: chart.lines.flatMap(lineMarks),
  });
  svg.setAttribute("role", "img");
  // Positions come with 15 digits, a hundredth of a pixel is enough; tick labels have at most four.
  return svg.outerHTML.replaceAll(/(\d+\.\d{2})\d{4,}/g, "$1");
}
