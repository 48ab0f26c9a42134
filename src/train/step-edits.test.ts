import { describe, expect, test } from "vitest";

import type { PreparedEdit, PreparedEdits } from "../edits/prepared-edit.ts";
import type { Phase } from "./phases.ts";
import { stepEdits } from "./step-edits.ts";

const ORDER = { size: 2, steps: 100, seed: 1, purpose: "test" } as const;

/** Edits that say which numbers were asked for; `broken` cannot be taken. */
function recorded(count: number, broken = -1): { readonly edits: PreparedEdits; readonly asked: number[][] } {
  const asked: number[][] = [];
  const take = async (numbers: readonly number[]): Promise<PreparedEdit[]> => {
    asked.push([...numbers]);
    if (numbers.includes(broken)) throw new Error(`row ${broken} is broken`);
    return numbers.map((number) => ({ id: `${number}` }) as PreparedEdit);
  };
  return { asked, edits: { count, take, takeReadable: take } };
}

async function idsOf(batch: Promise<PreparedEdit[]>): Promise<number[]> {
  return (await batch).map(({ id }) => Number(id));
}

describe("stepEdits", () => {
  test("gives every edit once an epoch, each epoch in another order", async () => {
    const at = stepEdits(recorded(10).edits, ORDER);
    const epochs = [0, 1].map(async (epoch) => {
      const batches = [0, 1, 2, 3, 4].map((step) => idsOf(at(5 * epoch + step)));
      return (await Promise.all(batches)).flat();
    });
    const [first, second] = await Promise.all(epochs);
    expect(first?.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(second?.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(second).not.toEqual(first);
  });

  test("gives a step the same, wherever a run begins", async () => {
    const through = stepEdits(recorded(10).edits, ORDER);
    for (let step = 0; step < 8; step += 1) {
      const alone = stepEdits(recorded(10).edits, ORDER)(step);
      expect(await idsOf(through(step))).toEqual(await idsOf(alone));
    }
  });

  test("asks for every step once, the next one before it is needed", async () => {
    const { edits, asked } = recorded(10);
    const at = stepEdits(edits, ORDER);
    await at(0);
    expect(asked).toHaveLength(2);
    const second = await idsOf(at(1));
    expect(asked).toHaveLength(3);
    expect(asked[1]).toEqual(second);
  });

  test("makes nothing ready beyond the last step", async () => {
    const { edits, asked } = recorded(10);
    const at = stepEdits(edits, { ...ORDER, steps: 2 });
    await at(0);
    await at(1);
    expect(asked).toHaveLength(2);
  });

  test("fails at the step whose edits cannot be taken, not before", async () => {
    const { asked, edits } = recorded(10);
    await stepEdits(edits, ORDER)(3);
    const [of3, of4] = asked;
    const at = stepEdits(recorded(10, of4![0]).edits, ORDER);
    expect(await idsOf(at(3))).toEqual(of3);
    await expect(at(4)).rejects.toThrow("is broken");
  });

  test("refuses a dataset without rows", () => {
    expect(() => stepEdits(recorded(0).edits, ORDER)).toThrow("There are no training examples.");
  });

  describe("with phases", () => {
    const phases = (): { readonly training: readonly Phase[]; readonly asked: readonly number[][][] } => {
      const parts = [recorded(6), recorded(40), recorded(4)];
      const training = parts.map(({ edits }, index) => ({ edits, steps: [3, 5][index] }));
      return { training, asked: parts.map(({ asked }) => asked) };
    };

    test("takes each one's edits for its steps, and the last one's to the end", async () => {
      const { training, asked } = phases();
      const at = stepEdits(training, { ...ORDER, steps: 12 });
      for (let step = 0; step < 12; step += 1) await at(step);
      expect(asked.map(({ length }) => length)).toEqual([3, 5, 4]);
      // Three steps of two are an epoch of the six.
      expect(asked[0]!.flat().toSorted((one, other) => one - other)).toEqual([0, 1, 2, 3, 4, 5]);
      expect(new Set(asked[1]!.flat()).size).toBe(10);
      expect(
        asked[2]!
          .slice(0, 2)
          .flat()
          .toSorted((one, other) => one - other),
      ).toEqual([0, 1, 2, 3]);
    });

    test("gives a step the same, wherever a run begins", async () => {
      const through = stepEdits(phases().training, ORDER);
      for (let step = 0; step < 15; step += 1) {
        expect(await idsOf(through(step))).toEqual(await idsOf(stepEdits(phases().training, ORDER)(step)));
      }
    });

    test("begins as the first one alone would", async () => {
      const alone = stepEdits(recorded(6).edits, ORDER);
      const through = stepEdits(phases().training, ORDER);
      for (let step = 0; step < 3; step += 1) {
        expect(await idsOf(through(step))).toEqual(await idsOf(alone(step)));
      }
    });
  });
});
