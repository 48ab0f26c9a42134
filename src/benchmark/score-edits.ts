/**
 * Scores the edits of one folder: many at once, each asked about by the judge and taken by the measures as soon as its pictures
 * are read. What was scored before is not scored again, unless its pictures changed; what failed is tried again.
 */

import { createHash } from "node:crypto";
import { resolve } from "node:path";

import { DataError } from "../errors.ts";
import type { Measure, MeasuredEdit, WrittenEdit } from "../evaluate/benchmark.ts";
import { decodePicture } from "../images/codec.ts";
import type { Picture } from "../images/picture.ts";
import { readPictureFile } from "../images/picture-file.ts";
import { resize, resizedSize } from "../images/resize.ts";
import type { Verdict } from "../judge/verdict.ts";
import { askReward } from "../rewards/ask-reward.ts";
import type { DecodedEdit, Reward } from "../rewards/reward.ts";
import type { JudgedAt } from "./benchmark-settings.ts";
import type { EditItems } from "./edit-items.ts";
import { eachAtOnce } from "../each-at-once.ts";
import { editKey, type EditLine } from "./edits-folder.ts";
import {
  openMeasures,
  openVerdicts,
  type EditVerdict,
  type MeasureLine,
  type VerdictLine,
} from "./score-files.ts";

/** EARL's pictures. */
const JUDGED_AREA = 256 * 256;

/** One edit as it was scored. */
export interface EditScore {
  readonly id: string;
  readonly task: string;
  readonly seed: number;
  readonly sample: number;
  /** Absent where no judge was asked. */
  readonly verdict?: EditVerdict;
  /** By measure. */
  readonly values: Readonly<Record<string, number>>;
}

export interface ScoreRequest {
  readonly folder: string;
  readonly lines: readonly EditLine[];
  readonly items: EditItems;
  readonly seeds: readonly number[];
  readonly samples: number;
  /** Nobody where not given. */
  readonly judge?: { readonly reward: Reward; readonly hash: string } | undefined;
  readonly judgedAt: Exclude<JudgedAt, "own">;
  readonly measures: readonly Measure[];
  /** Stands for what measures were taken with. */
  readonly instruments: string;
  readonly atOnce: number;
  readonly signal: AbortSignal;
  /** Hears how many edits are scored, and how many of them failed. */
  readonly onScore: (done: number, total: number, failed: number) => void;
}

interface Place {
  readonly id: string;
  readonly task: string;
  readonly seed: number;
  readonly sample: number;
}

/** A score for every edit that should be there, in the order of the rows. */
export async function scoreEdits(request: ScoreRequest): Promise<EditScore[]> {
  const { folder, lines, items, seeds, samples, judge, signal, onScore } = request;
  const byKey = new Map(lines.map((line) => [editKey(line), line]));
  const verdicts = judge === undefined ? undefined : openVerdicts(folder, judge.hash);
  const measures = openMeasures(folder, request.instruments);
  const known: Known = {
    verdicts: new Map(verdicts?.entries.map((line) => [editKey(line), line])),
    values: new Map(measures.entries.map((line) => [editKey(line), line])),
    addVerdict: (line) => verdicts?.add(line),
    addValues: (line) => measures.add(line),
  };
  const places = items.items.flatMap(({ id, task }) =>
    seeds.flatMap((seed) =>
      Array.from({ length: samples }, (_, sample): Place => ({ id, task, seed, sample })),
    ),
  );
  const scores: EditScore[] = [];
  let [done, failed] = [0, 0];
  await eachAtOnce([...places.entries()], request.atOnce, async ([at, place]) => {
    signal.throwIfAborted();
    const score = await scoreOne(request, place, byKey.get(editKey(place)), known);
    scores[at] = score;
    done += 1;
    if (score.verdict !== undefined && score.verdict.kind !== "scored") failed += 1;
    onScore(done, places.length, failed);
  });
  return scores;
}

interface Known {
  readonly verdicts: Map<string, VerdictLine>;
  readonly values: Map<string, MeasureLine>;
  readonly addVerdict: (line: VerdictLine) => void;
  readonly addValues: (line: MeasureLine) => void;
}

async function scoreOne(
  request: ScoreRequest,
  place: Place,
  line: EditLine | undefined,
  known: Known,
): Promise<EditScore> {
  const found = await editedPicture(request.folder, line);
  if ("verdict" in found) {
    // A policy that wrote no picture missed its target; what nobody made says nothing.
    const values = line?.isExact === undefined ? {} : await exactMatch(request.measures, line.isExact);
    return { ...place, verdict: found.verdict, values };
  }
  const edit = await request.items.load(place.id);
  const key = editKey(place);
  const of = hashOf(found.bytes, edit);
  const before = { verdict: known.verdicts.get(key), values: known.values.get(key) };
  const isJudged = before.verdict?.of === of && before.verdict.verdict.kind === "scored";
  const verdict =
    request.judge === undefined
      ? undefined
      : isJudged
        ? before.verdict!.verdict
        : await verdictOn(request, edit, found.picture);
  const { id, seed, sample } = place;
  if (verdict !== undefined && !isJudged) known.addVerdict({ id, seed, sample, of, verdict });
  const earlier = before.values?.of === of ? before.values.values : {};
  // What could not be taken is tried again: nobody may have answered.
  const untaken = request.measures.filter(({ name }) => (earlier[name] ?? null) === null);
  const written = {
    edit,
    picture: found.picture,
    verdict: verdictForMeasures(verdict),
    ...exactnessOf(line),
  };
  const values = { ...earlier, ...(await valuesOf(untaken, written)) };
  if (untaken.length > 0) known.addValues({ id, seed, sample, of, values });
  const taken = request.measures.flatMap(({ name }) => {
    const value = values[name] ?? null;
    return value === null ? [] : [[name, value] as const];
  });
  return { ...place, ...(verdict !== undefined && { verdict }), values: Object.fromEntries(taken) };
}

type Found = { readonly bytes: Uint8Array; readonly picture: Picture } | { readonly verdict: EditVerdict };

async function editedPicture(folder: string, line: EditLine | undefined): Promise<Found> {
  const missing = (reason: string): Found => ({ verdict: { kind: "missing", reason } });
  if (line === undefined) return missing("no line has it");
  if (line.edited === undefined || line.edited === null) {
    const { problem } = line;
    return problem === undefined
      ? missing("its line names no picture")
      : { verdict: { kind: "undecodable", reason: problem } };
  }
  const path = resolve(folder, line.edited);
  let bytes: Uint8Array;
  try {
    bytes = await readPictureFile(path);
  } catch (error) {
    if (error instanceof DataError) return missing(error.message);
    throw error;
  }
  if (line.sha256 !== undefined && createHash("sha256").update(bytes).digest("hex") !== line.sha256) {
    return { verdict: { kind: "undecodable", reason: `${path} is not the picture that was written` } };
  }
  try {
    return { bytes, picture: await decodePicture(bytes, path) };
  } catch (error) {
    if (error instanceof DataError) return { verdict: { kind: "undecodable", reason: error.message } };
    throw error;
  }
}

function hashOf(edited: Uint8Array, { source, target, instruction }: MeasuredEdit): string {
  const hash = createHash("sha256").update(edited).update(source.pixels).update(instruction);
  if (target !== undefined) hash.update(target.pixels);
  return hash.digest("hex").slice(0, 16);
}

/** The judge's word on the pictures at the size that they are judged at. */
async function verdictOn(
  { judge, judgedAt, signal }: ScoreRequest,
  edit: MeasuredEdit,
  picture: Picture,
): Promise<EditVerdict> {
  const [verdict] = await askReward(judge!.reward, [sized(edit, picture, judgedAt)], { signal });
  if (verdict!.kind !== "scored") return verdict!;
  const { score, subscores, reasoning } = verdict!;
  return {
    kind: "scored",
    score,
    subscores: { ...subscores },
    ...(reasoning !== undefined && { reasoning }),
  };
}

function sized(
  { id, instruction, source, target, mask }: MeasuredEdit,
  edited: Picture,
  judgedAt: ScoreRequest["judgedAt"],
): DecodedEdit {
  const fit = (one: Picture): Picture => {
    if (judgedAt === "area") return atMostArea(one);
    return judgedAt === "source" ? sameSize(one, source) : sameSize(one, edited);
  };
  return {
    exampleId: id,
    instruction,
    source: fit(source),
    edited: fit(edited),
    ...(target !== undefined && { target: fit(target) }),
    ...(mask !== undefined && { mask: fit(mask) }),
  };
}

function sameSize(one: Picture, { width, height }: Picture): Picture {
  return one.width === width && one.height === height ? one : resize(one, width, height);
}

function atMostArea(one: Picture): Picture {
  if (one.width * one.height <= JUDGED_AREA) return one;
  const { width, height } = resizedSize(one.width, one.height, JUDGED_AREA);
  return sameSize(one, { ...one, width, height });
}

/** Measures look at pictures; where nobody was asked there is a verdict that says so. */
function verdictForMeasures(verdict: EditVerdict | undefined): Verdict {
  if (verdict?.kind === "scored") return verdict;
  return { kind: "unreachable", reason: verdict?.reason ?? "no judge was asked" };
}

function exactnessOf(line: EditLine | undefined): Pick<WrittenEdit, "isExact"> {
  return line?.isExact === undefined ? {} : { isExact: line.isExact };
}

async function valuesOf(
  measures: readonly Measure[],
  written: WrittenEdit,
): Promise<Record<string, number | null>> {
  const values = await Promise.all(
    measures.map(async (measure) => [measure.name, (await measure.of(written)) ?? null] as const),
  );
  return Object.fromEntries(values);
}

async function exactMatch(measures: readonly Measure[], isExact: boolean): Promise<Record<string, number>> {
  return measures.some(({ name }) => name === "exact_match") ? { exact_match: Number(isExact) } : {};
}
