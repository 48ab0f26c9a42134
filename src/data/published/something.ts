/**
 * Something-Something v2: clips of people doing things, of which the first and the last frame and the label make an
 * edit, as AURORA takes them. The clips are the user's own download.
 */

import { z } from "zod";

import { instructionOf, nameOf } from "../cells.ts";
import type { TableRecord } from "../containers/row-table.ts";
import type { DatasetKind } from "../dataset-kind.ts";
import type { BrokenRow, DatasetSplit, EditDataset, EditExample } from "../edit-dataset.ts";
import { tableDataset, type FoundRow } from "../table-dataset.ts";
import { directoryOption } from "./directory.ts";

const Options = z.strictObject({ ...directoryOption });

export const SOMETHING: DatasetKind<typeof Options> = {
  about:
    "Something-Something v2: first and last frame of each clip (ffmpeg), labels filtered as AURORA does.",
  options: Options,
  card: {
    title: "Something-Something v2",
    page: "https://www.qualcomm.com/developer/software/something-something-v-2-dataset",
    licence: "research only, no redistribution",
    gating: "Register with Qualcomm, and unpack the clips and labels that they give.",
    size: "train 168,913 clips, validation 24,777, test 27,157 without labels",
  },
  open: async ({ directory }, { split }) => openClips(directory, split),
};

/** Labels with one of these show no change, or one that cannot be seen in two frames (AURORA, data preparation). */
const UNSEEN = [
  "pretend",
  "holding",
  "fail",
  "roll",
  "then letting it",
  "until it falls down",
  "spin",
  "nothing happens",
  "show",
  "falling like",
  "squeezing",
  "throwing",
  "slightly",
];

/** AURORA's filter: what falls off is taken only where it "falls off … but". */
export function isSeenInTwoFrames(label: string): boolean {
  const words = label.toLowerCase();
  if (UNSEEN.some((one) => words.includes(one))) return false;
  return !words.includes("falls off") || words.includes("but");
}

async function openClips(directory: string, split: DatasetSplit): Promise<EditDataset> {
  const [{ labelsOf }, { clipFrames }, { TextTable }, { TableSeries }] = await Promise.all([
    import("./something-files.ts"),
    import("./clip-frames.ts"),
    import("../containers/text-table.ts"),
    import("../containers/table-series.ts"),
  ]);
  const series = new TableSeries([await TextTable.open(await labelsOf(directory, split))]);
  const frames = await clipFrames(directory);
  return tableDataset(
    { split, directory, series },
    {
      columns: ["id", "label"],
      optional: ["template"],
      id: { columns: ["id"], of: (record) => nameOf(record["id"]) },
      filter: {
        columns: ["label"],
        keep: isWanted,
        says: "a label whose change two frames show",
      },
      exampleOf: (row) => exampleOf(row, frames),
    },
  );
}

/** A row without a label is kept, and found broken when it is read. */
function isWanted({ label }: TableRecord): boolean {
  return typeof label !== "string" || isSeenInTwoFrames(label);
}

async function exampleOf(
  { record, origin }: FoundRow,
  frames: Awaited<ReturnType<typeof import("./clip-frames.ts").clipFrames>>,
): Promise<EditExample | BrokenRow> {
  const id = nameOf(record["id"]);
  const instruction = instructionOf(record["label"]);
  if (id === undefined || !/^[\w-]+$/.test(id)) return { origin, broken: "id is no clip's number" };
  if (instruction === undefined) return { origin, broken: "label is empty" };
  const pair = await frames(id);
  if ("broken" in pair) return { origin, broken: pair.broken };
  return { id, task: "action", instruction, source: pair.first, target: pair.last, sourceKey: id, origin };
}
