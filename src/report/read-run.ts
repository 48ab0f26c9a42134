/**
 * Reads what a run left: events.jsonl, manifest.json and config.yaml. Several directories (a supervised run and the
 * GRPO run that went on from it) read as one record, in the order given. Picture names become absolute paths
 * here, so that nothing after this needs to know which directory an event came from.
 */

import { lstat, readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { DataError } from "../errors.ts";
import type { ArmResult, LoggedMeasure } from "../runs/arm-result.ts";
import type { LoggedCompletion, LoggedGroup, RunEvent, Stage } from "../runs/event.ts";
import { followEvents } from "../runs/follow-events.ts";
import type { MetricName } from "../runs/metrics.ts";

export type Comparison = Extract<RunEvent, { kind: "comparison-logged" }>;
export type GroupLogged = Extract<RunEvent, { kind: "group-logged" }>;

/** manifest.json or config.yaml of one directory: a parsed tree, or the raw text where it does not parse. */
export interface RunDocument {
  readonly run: string;
  readonly file: string;
  readonly content: unknown;
}

export interface RunRecord {
  /** Names of the runs, in the order given. */
  readonly names: readonly string[];
  readonly events: readonly RunEvent[];
  readonly documents: readonly RunDocument[];
}

/** One value of a metric: the optimizer step it belongs to and the number. */
export interface MetricPoint {
  readonly step: number;
  readonly value: number;
}

/** Reads run directories as one record. Throws DataError where one has no readable events.jsonl. */
export async function readRun(directories: readonly string[]): Promise<RunRecord> {
  const names: string[] = [];
  const events: RunEvent[] = [];
  const documents: RunDocument[] = [];
  for (const directory of directories) {
    await refuseLink(join(directory, "images"));
    const before = events.length;
    let name = basename(resolve(directory));
    // A run that is resumed in this moment says again what it had said.
    const onCut = (): void => void events.splice(before);
    for await (const event of followEvents(join(directory, "events.jsonl"), { onCut })) {
      if (event.kind === "run-start") ({ name } = event);
      events.push(withAbsolutePictures(event, directory));
    }
    if (events.length === before) {
      throw new DataError(`${directory} holds no event yet.`, { hint: "Wait for the run's first step." });
    }
    names.push(name);
    documents.push(...(await readDocuments(directory, name)));
  }
  return { names, events, documents };
}

async function readDocuments(directory: string, run: string): Promise<RunDocument[]> {
  const parsers: Readonly<Record<string, (text: string) => unknown>> = {
    "manifest.json": (text) => JSON.parse(text) as unknown,
    "config.yaml": (text) => parseYaml(text) as unknown,
  };
  const documents: RunDocument[] = [];
  for (const [file, parse] of Object.entries(parsers)) {
    const text = await readFile(join(directory, file), "utf8").catch(() => undefined);
    if (text === undefined) continue;
    let content: unknown = text;
    try {
      content = parse(text);
    } catch {
      // Shown as it stands: a report of a damaged run should still say what is there.
    }
    documents.push({ run, file, content });
  }
  return documents;
}

/** A report shows what the run left, not what a link in somebody's folder leads to. */
async function refuseLink(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSymbolicLink() !== true) return;
  throw new DataError(`${path} is a link; a report shows pictures of the run's own folder alone.`, {
    hint: "Put the pictures themselves there.",
  });
}

/** The path of a logged picture. Throws DataError when its name leads out of the run's images/. */
function picturePath(directory: string, name: string): string {
  if (/^[^/\\]+$/.test(name) && name !== "." && name !== "..") return resolve(directory, "images", name);
  throw new DataError(`An event of ${directory} names the picture ${JSON.stringify(name)}, outside images/.`);
}

function withAbsolutePictures(event: RunEvent, directory: string): RunEvent {
  const absolute = (name: string): string => picturePath(directory, name);
  const completion = <T extends LoggedCompletion>(one: T): T =>
    one.image === undefined ? one : { ...one, image: absolute(one.image) };
  if (event.kind === "comparison-logged") {
    const arms = event.arms.map(completion);
    const target = event.target === undefined ? {} : { target: absolute(event.target) };
    return { ...event, source: absolute(event.source), ...target, arms };
  }
  if (event.kind === "group-logged") {
    const { group } = event;
    const shown: LoggedGroup = {
      ...group,
      source: absolute(group.source),
      ...(group.target === undefined ? {} : { target: absolute(group.target) }),
      completions: group.completions.map(completion),
    };
    return { ...event, group: shown };
  }
  return event;
}

/** Events of one kind, in order. */
export function eventsOf<K extends RunEvent["kind"]>(
  run: RunRecord,
  kind: K,
): Extract<RunEvent, { kind: K }>[] {
  return run.events.filter((event): event is Extract<RunEvent, { kind: K }> => event.kind === kind);
}

/** The rows of one benchmark, and what the figures in them are. */
export interface ResultTable {
  readonly benchmark: string;
  /** The first one is the headline. */
  readonly measures: readonly LoggedMeasure[];
  /** As last evaluated, in the order in which they first appeared. */
  readonly results: readonly ArmResult[];
}

/** A table a benchmark, in the order in which they were first evaluated. */
export function resultTables(run: RunRecord): ResultTable[] {
  const tables = new Map<string, { measures: readonly LoggedMeasure[]; rows: Map<string, ArmResult> }>();
  for (const { measures, results } of eventsOf(run, "arms-evaluated")) {
    for (const result of results) {
      const { arm, benchmark, decoding, task } = result;
      const rows = tables.get(benchmark)?.rows ?? new Map<string, ArmResult>();
      tables.set(benchmark, { measures, rows: rows.set(JSON.stringify([arm, decoding, task]), result) });
    }
  }
  return [...tables].map(([benchmark, { measures, rows }]) => ({
    benchmark,
    measures,
    results: [...rows.values()],
  }));
}

/** Comparisons as last logged, one an example of a benchmark. */
export function comparisons(run: RunRecord): Comparison[] {
  const latest = new Map(
    eventsOf(run, "comparison-logged").map((event) => [
      JSON.stringify([event.benchmark, event.exampleId]),
      event,
    ]),
  );
  return [...latest.values()];
}

/** A metric over the steps of a stage, from training steps and evaluations; a step logged twice counts as last said. */
export function metricPoints(run: RunRecord, stage: Stage, name: MetricName): MetricPoint[] {
  const values = new Map<number, number>();
  for (const event of run.events) {
    if (event.kind !== "step-end" && event.kind !== "evaluation-end") continue;
    if (event.stage !== stage) continue;
    const value = event.metrics[name];
    // JSON writes NaN as null: a metric that is not a number has no place on a curve.
    if (typeof value === "number" && Number.isFinite(value)) values.set(event.step, value);
  }
  return [...values].map(([step, value]) => ({ step, value })).toSorted((a, b) => a.step - b.step);
}
