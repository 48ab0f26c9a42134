/** `earl data overlap A B`: pictures of one dataset that are in another one too, or nearly. */

import { join } from "node:path";

import { decodeExample, isBroken, type EditDataset } from "../data/edit-dataset.ts";
import { findOverlap, type NearPair, type PicturePlace } from "../data/overlap/find-overlap.ts";
import { Interrupted } from "../errors.ts";
import { formatTable, printable } from "../format.ts";
import { contactSheet } from "../images/contact-sheet.ts";
import { encodePng } from "../images/png.ts";
import { inSquare } from "../images/in-square.ts";
import { picture, type Picture } from "../images/picture.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { requireWritableFolder, makeFolders } from "../runs/writable-place.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { openNamedDataset } from "./named-dataset.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface OverlapFlags {
  readonly distance: number;
  readonly difference: number;
  readonly show: number;
  readonly out?: string;
}

/** Side of a shown picture in pixels. */
const SHOWN_SIDE = 160;
const MOST_PICTURED = 24;

export async function findOverlaps(
  names: readonly [string, string],
  flags: OverlapFlags,
  surroundings: Surroundings,
): Promise<void> {
  const { out, distance, difference, show } = flags;
  if (out !== undefined) requireWritableFolder(out);
  const progress = progressOn(surroundings);
  const { dataset: one } = await openNamedDataset(names[0], ["train"], progress);
  const { dataset: other } = await openNamedDataset(names[1], ["test"], progress);
  using interrupt = listenForInterrupt(surroundings, {
    says: "Stopping.",
    reason: new Interrupted("Stopped; nothing was written.", "Run the same command again."),
  });
  progress.start("Pictures", one.count + other.count);
  const found = await findOverlap(one, other, {
    distance,
    difference,
    signal: interrupt.signal,
    onProgress: (done, pairs) => progress.advance(done, pairs === 0 ? "" : `${pairs} pairs`),
  });
  const { pairs, pictures, unread, compared } = found;
  progress.finish(
    `${pictures[0]} pictures beside ${pictures[1]}, ${compared} comparisons instead of ${pictures[0] * pictures[1]}`,
  );
  for (const [at, rows] of unread.entries()) {
    if (rows > 0) progress.say(`${rows} rows of ${names[at]} have no picture that can be read.`);
  }
  const rows = pairs.slice(0, show).map(rowOf);
  const lines = [
    `${pairs.length} pairs of rows share a picture, ${new Set(pairs.map((pair) => pair.one.row)).size} rows of ${names[0]} and ${new Set(pairs.map((pair) => pair.other.row)).size} of ${names[1]}`,
    ...(rows.length === 0 ? [] : ["", formatTable([["", names[0], names[1], "bits", "levels"], ...rows])]),
    ...(pairs.length > rows.length ? [`and ${pairs.length - rows.length} more`] : []),
  ];
  surroundings.stdout.write(`${printable(lines.join("\n"))}\n`);
  if (out === undefined || pairs.length === 0) return;
  makeFolders(out);
  writeFileAtomically(join(out, "pairs.jsonl"), pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(""));
  writeFileAtomically(join(out, "pairs.png"), await pairsPng(pairs.slice(0, MOST_PICTURED), one, other));
  surroundings.stdout.write(`${join(out, "pairs.jsonl")}\n${join(out, "pairs.png")}\n`);
}

function rowOf({ one, other, distance, difference }: NearPair, index: number): string[] {
  const name = ({ id, side }: PicturePlace): string => `${id} (${side})`;
  return [String(index + 1), name(one), name(other), String(distance), String(difference)];
}

/** Pairs side by side, two pairs a row. */
async function pairsPng(
  pairs: readonly NearPair[],
  one: EditDataset,
  other: EditDataset,
): Promise<Uint8Array> {
  const pictures: Picture[] = [];
  for (const pair of pairs) {
    pictures.push(await shown(one, pair.one), await shown(other, pair.other));
  }
  return encodePng(contactSheet(pictures, { columns: 4, gap: 6 }));
}

/** The picture in a square of its own. */
async function shown(dataset: EditDataset, { row, side }: PicturePlace): Promise<Picture> {
  const [example] = await dataset.read([row]);
  const whole = example === undefined || isBroken(example) ? undefined : (await decodeExample(example))[side];
  return whole === undefined ? picture(SHOWN_SIDE, SHOWN_SIDE) : inSquare(whole, SHOWN_SIDE).square;
}
