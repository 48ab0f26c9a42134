/** What every EditDataset must do, as a suite that each implementation runs. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  isBroken,
  type BrokenRow,
  type EditDataset,
  type EditExample,
  type EncodedPicture,
} from "./edit-dataset.ts";

/** What a subject writes: an example, or what is wrong with the row in its place. */
export type ContractRow =
  | (Omit<EditExample, "origin"> & { readonly source: EncodedPicture; readonly target: EncodedPicture })
  | { readonly fault: ContractFault };

/** A container may be unable to hold some of these; its subject then leaves the case out and says why. */
export const CONTRACT_FAULTS = ["no source", "no target", "no instruction", "wrong type"] as const;
export type ContractFault = (typeof CONTRACT_FAULTS)[number];

export interface ContractSubject {
  /** Writes the rows as a split of a dataset of its kind into a fresh folder and opens it. */
  open(rows: readonly ContractRow[]): Promise<EditDataset>;
  /** Removes what `open` wrote. */
  close(): Promise<void>;
  /** What rows of its kind cannot say; it is made up there. */
  readonly lacks?: readonly ("id" | "task")[];
  /** Rows of its files that make one example; 1 unless given. */
  readonly rowsAnExample?: number;
  /** Cases that do not apply, with the reason. */
  readonly skip?: Readonly<Partial<Record<ContractFault, string>>>;
}

const picture = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index % 251);

const EXAMPLES = Array.from({ length: 9 }, (_, index) => ({
  id: `example ${index}`,
  task: index % 2 === 0 ? "addition" : "removal",
  instruction: `draw circle ${index}, "quoted" — ü`,
  source: picture(100 + index),
  target: picture(300 - index),
}));

export function datasetContract(name: string, subject: ContractSubject): void {
  describe(`${name} as an EditDataset`, () => {
    const lacks: readonly string[] = subject.lacks ?? [];
    let whole: EditDataset;
    beforeAll(async () => {
      whole = await subject.open(EXAMPLES);
    });
    afterAll(() => subject.close());

    const readOf = async (dataset: EditDataset, index: number): Promise<EditExample | BrokenRow> =>
      (await dataset.read([index]))[0]!;

    test("gives back what was written, as bytes and words", async () => {
      const rows = await whole.read(EXAMPLES.map((_, index) => index));
      const held = EXAMPLES.map((one) =>
        Object.fromEntries(Object.entries(one).filter(([key]) => !lacks.includes(key))),
      );
      expect(rows).toMatchObject(held.map((one) => ({ ...one, origin: expect.any(String) as string })));
      expect(whole.count).toBe(EXAMPLES.length);
      expect(whole.repeated).toBe(0);
    });

    test("gives rows in the order asked, also the same one twice", async () => {
      const rows = await whole.read([5, 0, 5, 8]);
      expect(rows.map((row) => !isBroken(row) && row.instruction)).toEqual(
        [5, 0, 5, 8].map((index) => EXAMPLES[index]?.instruction),
      );
      expect(new Set(rows.map((row) => !isBroken(row) && row.id)).size).toBe(3);
      expect(await whole.read([])).toEqual([]);
    });

    test("refuses a number that is no row's", async () => {
      await expect(whole.read([EXAMPLES.length])).rejects.toThrow(RangeError);
      await expect(whole.read([-1])).rejects.toThrow(RangeError);
    });

    test("reads several requests at once without mixing them", async () => {
      const asked = [[3, 4], [4], [8, 3, 0], [1]];
      const answers = await Promise.all(asked.map((indices) => whole.read(indices)));
      for (const [at, rows] of answers.entries()) {
        expect(rows).toEqual(await whole.read(asked[at]!));
      }
    });

    test("says where each row lies, each at another place, in files that it names", async () => {
      const rows = await whole.read(EXAMPLES.map((_, index) => index));
      expect(new Set(rows.map(({ origin }) => origin)).size).toBe(EXAMPLES.length);
      const { rowsAnExample = 1 } = subject;
      expect(whole.files.reduce((sum, { rows: count }) => sum + count, 0)).toBe(
        rowsAnExample * EXAMPLES.length,
      );
    });

    test.skipIf(lacks.includes("id"))("counts rows that share an id once, and keeps the first", async () => {
      const other = { ...EXAMPLES[3]!, id: EXAMPLES[1]!.id, instruction: "another" };
      const dataset = await subject.open([EXAMPLES[0]!, EXAMPLES[1]!, other, EXAMPLES[2]!]);
      expect(dataset.count).toBe(3);
      expect(dataset.repeated).toBe(1);
      expect(dataset.notices.join()).toContain("1 of 4 rows share the id of an earlier row");
      expect(await readOf(dataset, 1)).toMatchObject({ instruction: EXAMPLES[1]!.instruction });
      expect(await readOf(dataset, 2)).toMatchObject({ id: EXAMPLES[2]!.id });
    });

    test.each(CONTRACT_FAULTS)(
      "gives a row with %s as a broken one, and its neighbours as they are",
      async (fault) => {
        if (subject.skip?.[fault] !== undefined) return;
        const dataset = await subject.open([EXAMPLES[0]!, { fault }, EXAMPLES[2]!]);
        expect(dataset.count).toBe(3);
        const rows = await dataset.read([2, 1, 0]);
        expect(rows.map(isBroken)).toEqual([false, true, false]);
        const [, broken] = rows as [EditExample, BrokenRow, EditExample];
        expect(broken.broken).toMatch(/\w.*[^.]$/);
        expect(broken.origin).not.toBe(rows[0]?.origin);
        expect(await dataset.read([1])).toEqual([broken]);
      },
    );
  });
}
