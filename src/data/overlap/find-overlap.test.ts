import sharp from "sharp";
import { describe, expect, test } from "vitest";

import { encodePng } from "../../images/png.ts";
import { picture, type Picture } from "../../images/picture.ts";
import { resize } from "../../images/resize.ts";
import { Rng } from "../../random.ts";
import type { BrokenRow, EditDataset, EditExample } from "../edit-dataset.ts";
import { findOverlap } from "./find-overlap.ts";

/** As smooth as a photograph, and no two alike. */
function blobs(seed: number): Picture {
  const rng = Rng.from(seed, "blobs");
  const small = picture(8, 6);
  for (let at = 0; at < small.pixels.length; at += 1) small.pixels[at] = rng.integer(256);
  return resize(small, 96, 72);
}

function withObject(source: Picture): Picture {
  const result = picture(source.width, source.height, source.pixels.slice());
  for (let y = 30; y < 50; y += 1) result.pixels.fill(0, 3 * (96 * y + 30), 3 * (96 * y + 55));
  return result;
}

async function storedAnew({ width, height, pixels }: Picture): Promise<Uint8Array> {
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize(60, 45)
    .jpeg({ quality: 60 })
    .toBuffer();
}

type Row = Omit<EditExample, "task" | "instruction"> | BrokenRow;
const datasetOf = (rows: readonly Row[], own: Partial<EditDataset> = {}): EditDataset => ({
  split: "train",
  directory: "in memory",
  count: rows.length,
  repeated: 0,
  files: [],
  notices: [],
  read: async (indices) =>
    indices.map((row) => {
      const one = rows[row]!;
      return "broken" in one ? one : { task: "t", instruction: "i", ...one };
    }),
  ...own,
});

const LIMITS = { distance: 6, difference: 32 };
const train = datasetOf([
  ...Array.from({ length: 10 }, (_, seed) => ({
    id: `a${seed}`,
    source: encodePng(blobs(seed)),
    target: encodePng(withObject(blobs(seed))),
  })),
  { id: "codes alone", codes: { source: { rows: 1, columns: 1, codes: Int32Array.of(0) } } },
]);

describe("findOverlap", () => {
  test("finds pictures that were stored anew and resized, each pair of rows once, and no others", async () => {
    const held = datasetOf([
      { id: "b3", source: await storedAnew(blobs(3)) },
      { id: "other", source: await storedAnew(blobs(30)) },
      // What a row of the training set leads to.
      { id: "b7", source: encodePng(blobs(40)), target: await storedAnew(withObject(blobs(7))) },
      { id: "b9", source: await storedAnew(blobs(9)), target: await storedAnew(withObject(blobs(9))) },
      { origin: "row 4", broken: "it is cut" },
      { id: "damaged", source: new Uint8Array([1, 2, 3]) },
    ]);
    const { pairs, pictures, unread } = await findOverlap(train, held, LIMITS);
    expect(pairs.map(({ one, other }) => [one.id, one.side, other.id, other.side])).toEqual([
      ["a3", "source", "b3", "source"],
      ["a7", "target", "b7", "target"],
      ["a9", expect.any(String), "b9", expect.any(String)],
    ]);
    expect(pictures).toEqual([20, 6]);
    expect(unread).toEqual([1, 2]);
  });

  test("looks at a row once that a mixture repeats, and stops when it is told to", async () => {
    const twice = datasetOf([{ id: "a", source: encodePng(blobs(1)) }], {
      count: 2,
      numberOf: () => 0,
      read: async (indices) =>
        indices.map(() => ({ id: "a", task: "t", instruction: "i", source: encodePng(blobs(1)) })),
    });
    expect((await findOverlap(twice, twice, LIMITS)).pairs).toHaveLength(1);
    const stop = AbortSignal.abort(new Error("stopped"));
    await expect(findOverlap(train, twice, { ...LIMITS, signal: stop })).rejects.toThrow("stopped");
  });
});
