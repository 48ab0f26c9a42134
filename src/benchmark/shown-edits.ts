/** A few edits of a benchmark with what each arm made of them, to be looked at beside the figures. */

import { resolve } from "node:path";

import { byTurns } from "../report/comparison-grid.ts";
import type { ShownEdit } from "../report/edits-table.ts";
import type { EditArm } from "./edit-arm.ts";

const MOST = 4;

/** What one arm shows; arms of the same rows show the same ones. */
export interface ArmEdit {
  readonly id: string;
  readonly instruction: string;
  readonly source: string;
  readonly target: string | undefined;
  /** Of its first seed and sample; undefined where there is no picture. */
  readonly edited: string | undefined;
}

/** Rows by turns from each kind of edit, in their order: not chosen by how well they look. */
export function editsToShow({ folder, items, lines, seeds }: EditArm): ArmEdit[] {
  return byTurns(items.items)
    .slice(0, MOST)
    .map(({ id }) => {
      const line = lines.find((one) => one.id === id && one.seed === seeds[0] && one.sample === 0);
      const edited = line?.edited ?? undefined;
      return {
        id,
        ...items.places(id),
        edited: edited === undefined ? undefined : resolve(folder, edited),
      };
    });
}

/** The edits of several arms beside each other, row by row. */
export function besideEachOther(
  arms: readonly { readonly arm: string; readonly edits: readonly ArmEdit[] }[],
): ShownEdit[] {
  const rows = new Map(arms.flatMap(({ edits }) => edits.map((edit) => [edit.id, edit] as const)));
  return [...rows.values()].map(({ id, instruction, source, target }) => ({
    instruction,
    pictures: [
      { column: "source", path: source },
      { column: "target", path: target },
      ...arms.map(({ arm, edits }) => ({ column: arm, path: edits.find((one) => one.id === id)?.edited })),
    ].flatMap(({ column, path }) => (path === undefined ? [] : [{ column, path }])),
  }));
}
