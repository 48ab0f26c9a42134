/** One metric over the steps, of one run or several: drawn as it grows, zoomed by dragging, by keys or by buttons. */

import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";

import type { MetricSpec } from "../../runs/metrics.ts";
import type { CurveView, StepValues } from "../messages.ts";
import { figure, smoothed } from "./figures.ts";
import type { FollowedRun } from "./followed-run.ts";
import { ask, useAnswer } from "./server.ts";

export interface ChartProps {
  readonly stage: string;
  readonly metric: string;
  /** The run that is followed, and others beside it by name. */
  readonly run: FollowedRun;
  readonly others: readonly string[];
  /** 0 shows values as they are. */
  readonly smoothing: number;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Points that are drawn at most before the server is asked to thin them out again. */
const MOST_POINTS = 6000;
const COLOURS = ["--blue", "--orange", "--green", "--purple", "--red", "--grey"];
const HEIGHT = 190;
const NOTHING: CurveView = { steps: [], values: [], total: 0 };
/** Distances between marks on the axis of steps. */
const WHOLE = [1, 2, 5].flatMap((unit) => Array.from({ length: 9 }, (_, power) => unit * 10 ** power));

export function Chart(props: ChartProps): JSX.Element {
  const { stage, metric, run, others, smoothing } = props;
  const [range, setRange] = useState<Range>();
  const curves = useCurves(props, range);
  const spec = useAnswer<MetricSpec>(`/api/metrics/${metric.split("/").map(encodeURIComponent).join("/")}`);
  const newest = curves[0]?.values.at(-1);
  const zoom = (by: number): void => setRange((before) => zoomed(before ?? rangeOf(curves), by));
  const move = (by: number): void => setRange((before) => moved(before ?? rangeOf(curves), by));
  const keys: Readonly<Record<string, () => void>> = {
    "+": () => zoom(0.5),
    "=": () => zoom(0.5),
    "-": () => zoom(2),
    "0": () => setRange(undefined),
    ArrowLeft: () => move(-0.25),
    ArrowRight: () => move(0.25),
  };
  return (
    <figure class="card chart">
      <figcaption>
        <h3>{metric}</h3>
        <span class="value">
          {figure(newest)} <span class="soft">{spec.answer?.unit}</span>
        </span>
      </figcaption>
      <div
        class="plot"
        role="img"
        tabIndex={0}
        aria-label={`${describe(metric, curves[0])} Keys: plus and minus zoom, arrows move, 0 shows all.`}
        onKeyDown={(event) => {
          const act = keys[event.key];
          if (act === undefined) return;
          event.preventDefault();
          act();
        }}
      >
        <Plot
          names={[run.id, ...others]}
          curves={curves}
          smoothing={smoothing}
          range={range}
          onRange={setRange}
        />
      </div>
      <p class="soft about">
        {spec.answer?.about}{" "}
        {range !== undefined && <button onClick={() => setRange(undefined)}>Show all steps</button>}
      </p>
      <span hidden>{stage}</span>
    </figure>
  );
}

/** The curves of the followed run and the others, the first one growing. */
function useCurves(
  { stage, metric, run, others }: ChartProps,
  range: Range | undefined,
): readonly CurveView[] {
  const [found, setFound] = useState<ReadonlyMap<string, CurveView>>(new Map());
  const [version, setVersion] = useState(0);
  useEffect(() => {
    const gone = new AbortController();
    const query = new URLSearchParams({ stage, metric });
    if (range !== undefined) {
      query.set("from", String(Math.floor(range.from)));
      query.set("to", String(Math.ceil(range.to)));
    }
    const asked = [run.id, ...others].map(async (id) => {
      const address = `/api/runs/${encodeURIComponent(id)}/curve?${query}`;
      return [id, await ask<CurveView>(address, gone.signal).catch(() => NOTHING)] as const;
    });
    void Promise.all(asked).then((answers) => {
      if (!gone.signal.aborted) setFound(new Map(answers));
    });
    return () => gone.abort();
  }, [stage, metric, run, others.join("\n"), range?.from, range?.to, version]);
  useEffect(
    () =>
      run.onSteps((ofStage, steps) => {
        if (steps === undefined) setVersion((before) => before + 1);
        else if (ofStage === stage && range === undefined)
          setFound((before) => {
            const own = before.get(run.id);
            return own === undefined ? before : new Map(before).set(run.id, grown(own, metric, steps));
          });
      }),
    [run, stage, metric, range],
  );
  // A run that was just laid over has no curve yet, and one that was taken away still has one.
  const curves = useMemo(
    () => [run.id, ...others].map((id) => found.get(id) ?? NOTHING),
    [found, run, others.join("\n")],
  );
  const isLong = (curves[0]?.steps.length ?? 0) > MOST_POINTS;
  useEffect(() => {
    if (isLong) setVersion((before) => before + 1);
  }, [isLong]);
  return curves;
}

function grown(first: CurveView, metric: string, fresh: readonly StepValues[]): CurveView {
  const last = first.steps.at(-1) ?? -1;
  const points = fresh.flatMap(({ step, metrics }) => {
    const value = metrics[metric];
    return step > last && value !== undefined ? [{ step, value }] : [];
  });
  if (points.length === 0) return first;
  return {
    steps: [...first.steps, ...points.map(({ step }) => step)],
    values: [...first.values, ...points.map(({ value }) => value)],
    total: first.total + points.length,
  };
}

interface PlotProps {
  readonly names: readonly string[];
  readonly curves: readonly CurveView[];
  readonly smoothing: number;
  readonly range: Range | undefined;
  readonly onRange: (range: Range | undefined) => void;
}

function Plot({ names, curves, smoothing, range, onRange }: PlotProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const scheme = useScheme();
  const key = `${names.join("\n")} ${smoothing > 0} ${scheme}`;
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const made = new uPlot(
      optionsOf(element, names, smoothing > 0, onRange),
      dataOf(curves, smoothing),
      element,
    );
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
    // Data is given below: a chart is made anew only for other lines.
  }, [key]);
  useEffect(() => {
    const drawn = plot.current;
    if (drawn === null) return;
    drawn.setData(dataOf(curves, smoothing), false);
    const shown = range ?? rangeOf(curves);
    drawn.setScale("x", { min: shown.from, max: Math.max(shown.to, shown.from + 1) });
  }, [curves, smoothing, range, key]);
  return <div ref={place} />;
}

/** Lines of raw values, faint where they are smoothed, and the smoothed ones over them. */
function optionsOf(
  element: HTMLElement,
  names: readonly string[],
  isSmoothed: boolean,
  onRange: PlotProps["onRange"],
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: colour("--soft"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1 },
    font: "11px system-ui, sans-serif",
  };
  const lines = names.flatMap((name, at): uPlot.Series[] => {
    const stroke = colour(COLOURS[at % COLOURS.length]!);
    const raw = {
      label: name,
      stroke,
      width: isSmoothed ? 1 : 1.5,
      alpha: isSmoothed ? 0.3 : 1,
      spanGaps: true,
    };
    return isSmoothed ? [raw, { ...raw, label: `${name}, smoothed`, width: 2, alpha: 1 }] : [raw];
  });
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: true, live: true },
    cursor: { drag: { x: true, y: false, setScale: false }, sync: { key: "steps" } },
    scales: { x: { time: false }, y: { range: heights } },
    series: [{ label: "step" }, ...lines],
    axes: [
      { ...axis, incrs: WHOLE, values: (_, splits) => splits.map((step) => step.toLocaleString("en")) },
      { ...axis, size: 56, values: (_, splits) => splits.map(figure) },
    ],
    hooks: {
      setSelect: [
        (drawn) => {
          const { left, width } = drawn.select;
          if (width < 3) return;
          onRange({ from: drawn.posToVal(left, "x"), to: drawn.posToVal(left + width, "x") });
          drawn.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      init: [(drawn) => drawn.over.addEventListener("dblclick", () => onRange(undefined))],
    },
  };
}

/** From the least to the greatest value with a margin; a curve that is flat stands in the middle, one that is 0 at the bottom. */
function heights(_: uPlot, least: number | null, greatest: number | null): uPlot.Range.MinMax {
  if (least === null || greatest === null || (least === 0 && greatest === 0)) return [0, 1];
  if (least === greatest) return [least - Math.abs(least) / 2, least + Math.abs(least) / 2];
  return uPlot.rangeNum(least, greatest, 0.1, true);
}

/** The curves on common steps. */
function dataOf(curves: readonly CurveView[], smoothing: number): uPlot.AlignedData {
  const tables = curves.map(({ steps, values }): uPlot.AlignedData =>
    smoothing > 0 ? [[...steps], [...values], smoothed(values, smoothing)] : [[...steps], [...values]],
  );
  return tables.length === 0 ? [[]] : tables.length === 1 ? tables[0]! : uPlot.join(tables);
}

function rangeOf(curves: readonly CurveView[]): Range {
  const firsts = curves.flatMap(({ steps }) => steps[0] ?? []);
  const lasts = curves.flatMap(({ steps }) => steps.at(-1) ?? []);
  return firsts.length === 0 ? { from: 0, to: 1 } : { from: Math.min(...firsts), to: Math.max(...lasts) };
}

function zoomed({ from, to }: Range, by: number): Range {
  const [middle, half] = [(from + to) / 2, (by * (to - from)) / 2];
  return { from: middle - half, to: middle + half };
}

function moved({ from, to }: Range, by: number): Range {
  const way = by * (to - from);
  return { from: from + way, to: to + way };
}

function describe(metric: string, curve: CurveView | undefined): string {
  if (curve === undefined || curve.values.length === 0) return `${metric}: no value yet.`;
  const low = curve.values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = curve.values.reduce((most, value) => Math.max(most, value), -Infinity);
  const from = `${figure(curve.values[0])} at step ${curve.steps[0]}`;
  const to = `${figure(curve.values.at(-1))} at step ${curve.steps.at(-1)}`;
  return `${metric} from ${from} to ${to}, between ${figure(low)} and ${figure(high)}.`;
}

/** "dark" or "light": canvases take their colours when they are made. */
function useScheme(): string {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const changed = (): void => setDark(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  return isDark ? "dark" : "light";
}
