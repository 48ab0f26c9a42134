import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";

import { BrokenRows } from "../broken-rows.ts";
import { isBroken, type DatasetSplit, type EditDataset, type EditExample } from "../edit-dataset.ts";
import { DataError } from "../../errors.ts";
import { mixtureKind } from "./mixture.ts";

let cache: string;
beforeAll(() => {
  cache = mkdtempSync(join(tmpdir(), "earl-mixture-"));
  vi.stubEnv("XDG_CACHE_HOME", cache);
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true });
});

interface Rows {
  readonly count: number;
  readonly broken?: readonly number[];
  /** Number of a row's source picture. */
  readonly picture?: (row: number) => number;
  readonly session?: (row: number) => string;
}

/** A dataset in memory whose rows are named after it. */
function datasetOf(
  name: string,
  split: DatasetSplit,
  { count, broken = [], picture, session }: Rows,
): EditDataset {
  return {
    split,
    directory: `in memory ${name}`,
    count,
    repeated: 0,
    files: [{ path: `${name}.parquet`, rows: count }],
    notices: [],
    read: async (indices) =>
      indices.map((row) =>
        broken.includes(row)
          ? { origin: `${name}.parquet, row ${row}`, broken: "it is cut" }
          : {
              id: String(row),
              task: "paint",
              instruction: `paint ${row}`,
              source: Buffer.from(`${picture === undefined ? `${name} ${row}` : picture(row)}`),
              ...(session !== undefined && { sourceKey: session(row) }),
              origin: `${name}.parquet, row ${row}`,
            },
      ),
  };
}

const kind = mixtureKind(z.array(z.any()));

async function mix(
  datasets: Readonly<Record<string, Rows>>,
  split: DatasetSplit = "train",
  settings: { readonly sources?: Readonly<Record<string, object>>; readonly [option: string]: unknown } = {},
): Promise<EditDataset> {
  const { sources = {}, ...others } = settings;
  const list = Object.keys(datasets).map((name) => ({ kind: "memory", name, weight: 1, ...sources[name] }));
  return kind.open(kind.options.parse({ ...others, sources: list }), {
    split,
    open: async (choice, of) => datasetOf(String(choice["name"]), of, datasets[String(choice["name"])]!),
  });
}

async function idsOf(dataset: EditDataset): Promise<string[]> {
  const rows = await dataset.read(Array.from({ length: dataset.count }, (_, index) => index));
  return rows.map((row) => (isBroken(row) ? row.origin : row.id));
}

const counted = (ids: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const id of ids) counts[id] = (counts[id] ?? 0) + 1;
  return counts;
};

describe("a mixture", () => {
  test("has whole copies of each row and a drawn part, in one shuffled order", async () => {
    const mixed = await mix({ a: { count: 10 }, b: { count: 30 } }, "train", {
      sources: { a: { weight: 2.5 }, b: { weight: 0.5 } },
    });
    expect(mixed.count).toBe(25 + 15);
    const counts = Object.entries(counted(await idsOf(mixed)));
    const timesOf = (name: string): number[] =>
      counts.filter(([id]) => id.startsWith(name)).map(([, times]) => times);
    expect(timesOf("a/").toSorted((one, other) => one - other)).toEqual([2, 2, 2, 2, 2, 3, 3, 3, 3, 3]);
    expect(timesOf("b/")).toEqual(Array.from({ length: 15 }, () => 1));
    const sides = (await idsOf(mixed)).map((id) => id[0]).join("");
    expect(sides).not.toMatch(/^(a+b+|b+a+)$/);
  });

  test("is the same for one seed, whatever was read before, and another for another", async () => {
    const datasets = { a: { count: 40 }, b: { count: 9 } };
    const settings = { upsampleTo: 50, sources: { a: { weight: 0.8 } } };
    const first = await mix(datasets, "train", settings);
    const ids = await idsOf(first);
    const again = await mix(datasets, "train", settings);
    expect(await again.read([17])).toEqual(await first.read([17]));
    expect(await idsOf(again)).toEqual(ids);
    expect(await idsOf(await mix(datasets, "train", { ...settings, seed: 1 }))).not.toEqual(ids);
  });

  test("gives rows in the order asked, and says whose they are and what it is made of", async () => {
    const mixed = await mix({ a: { count: 3 }, b: { count: 3 } }, "validation");
    expect(await idsOf(mixed)).toEqual(["a/0", "b/0", "a/1", "b/1", "a/2", "b/2"]);
    const rows = (await mixed.read([5, 0, 5])) as EditExample[];
    expect(rows.map(({ id, origin }) => [id, origin])).toEqual([
      ["b/2", "b: b.parquet, row 2"],
      ["a/0", "a: a.parquet, row 0"],
      ["b/2", "b: b.parquet, row 2"],
    ]);
    expect(mixed.files).toEqual([
      { folder: "in memory a", path: "a.parquet", rows: 3, source: "a" },
      { folder: "in memory b", path: "b.parquet", rows: 3, source: "b" },
    ]);
    await expect(mixed.read([6])).rejects.toThrow(RangeError);
    await expect(mixed.read([-1])).rejects.toThrow(RangeError);
  });

  test("names the source that cannot be opened, and says how a split can be held out", async () => {
    const choices = [{ kind: "memory", name: "a", weight: 1 }];
    const opening = kind.open(kind.options.parse({ sources: choices }), {
      split: "validation",
      open: () => Promise.reject(new DataError("There is no such split.", { hint: "Look." })),
    });
    await expect(opening).rejects.toMatchObject({
      message: "a: There is no such split.",
      hint: expect.stringContaining("holdOut: { validation: 0.01 }") as string,
    });
  });

  test("refuses settings that do not go together", () => {
    const fault = (settings: object): string =>
      String(kind.options.safeParse({ sources: [], ...settings }).error?.issues[0]?.message);
    expect(fault({ weights: "shares", upsampleTo: 5 })).toContain("weights: copies");
    expect(fault({ rows: 5 })).toContain("weights: shares");
  });
});

describe("rows of a mixture that cannot be read", () => {
  const look = async (mixed: EditDataset, ledger: BrokenRows): Promise<void> => {
    for (let index = 0; index < mixed.count; index += 1) {
      const [row] = await mixed.read([index]);
      if (isBroken(row!)) ledger.sawBroken(index, row);
      else ledger.sawReadable(index);
    }
  };

  test("count once however often they are repeated, each for its source", async () => {
    const mixed = await mix({ a: { count: 5, broken: [3] }, b: { count: 200 } }, "train", {
      sources: { a: { weight: 4 } },
    });
    const notices: string[] = [];
    const ledger = new BrokenRows(mixed, { maxShare: 0.5, onNotice: (notice) => notices.push(notice) });
    await look(mixed, ledger);
    ledger.requireFew();
    expect(notices).toEqual(["Left out: a: a.parquet, row 3: it is cut."]);
    expect(ledger.record).toMatchObject({
      rows: 205,
      seen: 205,
      broken: 1,
      sources: [
        { name: "a", weight: 4, rows: 5, taken: 20, seen: 5, broken: 1 },
        { name: "b", weight: 1, rows: 200, taken: 200, seen: 200, broken: 0 },
      ],
    });
    const resumed = new BrokenRows(mixed, { maxShare: 0.5 });
    resumed.restore(ledger.record);
    expect(resumed.record).toEqual(ledger.record);
  });

  test("stop a run where a small source is rotten, though hardly a row of the whole is", async () => {
    const broken = Array.from({ length: 20 }, (_, row) => row);
    const mixed = await mix({ a: { count: 20, broken }, b: { count: 1000 } });
    const ledger = new BrokenRows(mixed, { maxShare: 0.05 });
    await look(mixed, ledger);
    expect(() => ledger.requireFew()).toThrow("20 of the 20 rows seen of a (train) cannot be read");
  });
});

describe("rows that are held out", () => {
  const holdOut = { validation: 0.2, test: 0.2, from: "train" };
  const SPLITS = ["train", "validation", "test"] as const;
  const halves = async (datasets: Readonly<Record<string, Rows>>, settings = {}): Promise<string[][]> => {
    const sources = Object.fromEntries(Object.keys(datasets).map((name) => [name, { holdOut }]));
    const opened = await Promise.all(SPLITS.map((split) => mix(datasets, split, { sources, ...settings })));
    return Promise.all(opened.map(idsOf));
  };

  test("are each in one split, all of them, in about the shares asked for", async () => {
    const splits = await halves({ a: { count: 500 } });
    expect(splits.flat().toSorted()).toEqual(Array.from({ length: 500 }, (_, row) => `a/${row}`).toSorted());
    expect(splits[1]!.length / 500).toBeCloseTo(0.2, 1);
    expect(splits[2]!.length / 500).toBeCloseTo(0.2, 1);
  });

  test("keep edits of one picture together, also across sources", async () => {
    const picture = (row: number): number => row % 40;
    const splits = await halves({ a: { count: 200, picture }, b: { count: 90, picture } });
    const pictures = splits.map((ids) => new Set(ids.map((id) => picture(Number(id.split("/")[1])))));
    expect(pictures.map((one) => one.size).reduce((sum, size) => sum + size)).toBe(40);
    expect(Math.min(...pictures.map((one) => one.size))).toBeGreaterThan(0);
  });

  test("keep a session together whose pictures differ, and what shares a picture with it", async () => {
    // Rows 3k to 3k + 2 are one session; b's row k shows the last picture of a's session k.
    const a = {
      count: 150,
      picture: (row: number) => row,
      session: (row: number) => `session ${Math.floor(row / 3)}`,
    };
    const b = { count: 50, picture: (row: number) => 3 * row + 2, session: (row: number) => `other ${row}` };
    const splits = await halves({ a, b });
    const splitOf = new Map(splits.flatMap((ids, at) => ids.map((id) => [id, at] as const)));
    for (let k = 0; k < 50; k += 1) {
      const together = [`a/${3 * k}`, `a/${3 * k + 1}`, `a/${3 * k + 2}`, `b/${k}`];
      expect(new Set(together.map((id) => splitOf.get(id))).size).toBe(1);
    }
  });

  test("follow from seed and pictures alone: other sources and orders change nothing", async () => {
    const alone = await halves({ a: { count: 100 } });
    const beside = await halves({ b: { count: 300 }, a: { count: 100 } });
    const ofA = beside.map((ids) => ids.filter((id) => id.startsWith("a/")).toSorted());
    expect(ofA).toEqual(alone.map((ids) => ids.toSorted()));
    const other = await halves({ a: { count: 100 } }, { seed: 1 });
    expect(other[1]).not.toEqual(alone[1]);
  });
});
