import { describe, expect, test } from "vitest";

import type { PreparedEdits } from "../edits/prepared-edit.ts";
import { lookAhead } from "./look-ahead.ts";

function recorded(): { readonly edits: PreparedEdits; readonly asked: number[] } {
  const asked: number[] = [];
  return {
    asked,
    edits: {
      count: 10,
      take: async ([first = -1]) => {
        asked.push(first);
        if (first === 3) throw new Error("row 3 is broken");
        return [];
      },
      takeReadable: async () => [],
    },
  };
}

describe("lookAhead", () => {
  test("asks for every step once, the next one before it is needed", async () => {
    const { edits, asked } = recorded();
    const batchAt = lookAhead(edits, (step) => [step]);
    await batchAt(0);
    expect(asked).toEqual([0, 1]);
    await batchAt(1);
    expect(asked).toEqual([0, 1, 2]);
  });

  test("fails at the step whose examples are broken, not before", async () => {
    const batchAt = lookAhead(recorded().edits, (step) => [step]);
    await batchAt(2);
    await expect(batchAt(3)).rejects.toThrow("row 3 is broken");
  });

  test("starts anywhere, as a resumed stage does", async () => {
    const { edits, asked } = recorded();
    await lookAhead(edits, (step) => [step])(7);
    expect(asked).toEqual([7, 8]);
  });
});
