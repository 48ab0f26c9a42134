import { describe, expect, test } from "vitest";

import { smallRows } from "../../test/small/small-edits.ts";
import type { BrokenRow, EditExample } from "../data/edit-dataset.ts";
import type { OpenDataset } from "../data/open-dataset.ts";
import { DataError } from "../errors.ts";
import { picture } from "../images/picture.ts";
import { encodePng } from "../images/png.ts";
import { fittingExamples } from "./fitting-examples.ts";

function example(index: number, side = 8): EditExample {
  const flat = picture(side, side, new Uint8Array(side * side * 3).fill(index));
  return { id: `${index}`, task: "paint", instruction: `paint it ${index}`, source: encodePng(flat) };
}

function dataset(rows: readonly (EditExample | BrokenRow)[], maxShare = 1): OpenDataset {
  return {
    ...smallRows(rows, maxShare),
    split: "train",
    directory: "memory",
    repeated: 0,
    files: [],
    notices: [],
  };
}

const OPTIONS = { seed: 1, patchSize: 8 } as const;

describe("fittingExamples", () => {
  test("gives pictures and instructions in the dataset's order", async () => {
    const rows = Array.from({ length: 40 }, (_, index) => example(index));
    const { pictures, instructions } = await fittingExamples(dataset(rows), OPTIONS);
    expect(pictures.map(({ pixels }) => pixels[0])).toEqual(rows.map((_, index) => index));
    expect(instructions).toEqual(rows.map(({ instruction }) => instruction));
  });

  test("draws 2,000 of a large dataset, the same for the same seed", async () => {
    const rows = Array.from({ length: 2100 }, (_, index) => example(index % 256));
    const [first, second] = [
      await fittingExamples(dataset(rows), OPTIONS),
      await fittingExamples(dataset(rows), OPTIONS),
    ];
    expect(first.pictures).toHaveLength(2000);
    expect(second).toEqual(first);
  });

  test("leaves broken rows out, and stops where too many are", async () => {
    const broken = { origin: "train.parquet, row 1", broken: "src_img holds no picture" };
    const rows = [example(0), broken, example(2), { ...example(3), source: Uint8Array.of(1, 2, 3) }];
    const source = dataset(rows, 0.5);
    const { instructions } = await fittingExamples(source, OPTIONS);
    expect(instructions).toEqual(["paint it 0", "paint it 2"]);
    expect(source.brokenRows.record.listed.map(({ index }) => index)).toEqual([1, 3]);
    await expect(fittingExamples(dataset(rows, 0.4), OPTIONS)).rejects.toThrow(DataError);
  });

  test("leaves out pictures of odd sizes, which are no broken rows, unless all are", async () => {
    const source = dataset([example(0), example(1, 9)]);
    const { pictures } = await fittingExamples(source, OPTIONS);
    expect(pictures).toHaveLength(1);
    expect(source.brokenRows.record.broken).toBe(0);
    await expect(fittingExamples(dataset([example(1, 9)]), OPTIONS)).rejects.toThrow("9 × 9");
  });

  test("says that a dataset of codes alone has nothing to fit a codebook to", async () => {
    const codes = { source: { rows: 1, columns: 1, codes: Int32Array.of(3) } };
    const rows = [{ id: "1", task: "edit", instruction: "do", codes }];
    await expect(fittingExamples(dataset(rows), { seed: 0, patchSize: 4 })).rejects.toThrow(
      "holds codes and no pictures",
    );
  });

  test("takes fewer examples where pictures are large", async () => {
    const large = encodePng(picture(4096, 2048));
    let read = 0;
    const source = dataset([]);
    const rows = { ...example(0), source: large };
    const counted = {
      ...source,
      count: 200,
      brokenRows: dataset(Array.from({ length: 200 }, () => example(0))).brokenRows,
      read: (indices: readonly number[]) => {
        read += indices.length;
        return Promise.resolve(indices.map(() => rows));
      },
    };
    const { pictures } = await fittingExamples(counted, OPTIONS);
    // 24 MiB each, so that 11 reach 256 MiB; they are read 16 at a time.
    expect(read).toBe(16);
    expect(pictures).toHaveLength(16);
  });
});
