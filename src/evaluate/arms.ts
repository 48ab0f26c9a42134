/**
 * What a table compares: arms (a checkpoint, or the source copied unchanged) on the same edits, per kind of edit and
 * over all, each figure with a 95 % interval.
 */

import type { ArmResult } from "../runs/arm-result.ts";
import type { Measure, WrittenEdit } from "./benchmark.ts";

/** One edit of an arm, measured; its pictures are let go. */
export interface ArmEdit {
  readonly id: string;
  readonly task: string;
  readonly isScored: boolean;
  /** By measure; undefined where it could not be taken. */
  readonly values: Readonly<Record<string, number | undefined>>;
}

/** Whose rows they are. */
export type ArmName = Pick<ArmResult, "arm" | "role" | "benchmark" | "decoding">;

/** Takes every measure of every edit. */
export async function measured(
  written: readonly WrittenEdit[],
  measures: readonly Measure[],
): Promise<ArmEdit[]> {
  return Promise.all(
    written.map(async (one) => {
      const values = await Promise.all(
        measures.map(async (measure) => [measure.name, await measure.of(one)] as const),
      );
      return {
        id: one.edit.id,
        task: one.edit.task,
        isScored: one.verdict.kind === "scored",
        values: Object.fromEntries(values),
      };
    }),
  );
}

/**
 * The rows of an arm: "all" first, then each kind of edit by name. A kind without any scored edit has no row, and a
 * measure that could be taken of no edit has no figure: a policy that wrote no picture has failed everywhere, and its
 * one row says so.
 */
export function armResults(
  name: ArmName,
  edits: readonly ArmEdit[],
  measures: readonly Measure[],
): ArmResult[] {
  const rowOf = (task: string, own: readonly ArmEdit[]): ArmResult => ({
    ...name,
    task,
    count: own.length,
    failed: own.filter((edit) => !edit.isScored).length,
    figures: figuresOf(own, measures),
  });
  const tasks = [...new Set(edits.map((edit) => edit.task))].toSorted();
  const byTask = tasks.map((task) =>
    rowOf(
      task,
      edits.filter((edit) => edit.task === task),
    ),
  );
  return [rowOf("all", edits), ...byTask.filter(({ count, failed }) => failed < count)];
}

function figuresOf(edits: readonly ArmEdit[], measures: readonly Measure[]): ArmResult["figures"] {
  const figures = measures.flatMap((measure) => {
    const values = edits.flatMap((edit) => edit.values[measure.name] ?? []);
    return values.length === 0 ? [] : [[measure.name, measure.estimate(values)] as const];
  });
  return Object.fromEntries(figures);
}
