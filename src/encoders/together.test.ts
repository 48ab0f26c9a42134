import { expect, test } from "vitest";
import { Together } from "./together.ts";

test("what is asked at the same time is answered together, in order, at most so many", async () => {
  const batches: number[][] = [];
  const together = new Together<number, number>(async (questions) => {
    batches.push([...questions]);
    return questions.map((one) => one * 10);
  }, 3);
  expect(await Promise.all([1, 2, 3, 4].map((one) => together.ask(one)))).toEqual([10, 20, 30, 40]);
  expect(await together.ask(5)).toBe(50);
  expect(batches).toEqual([[1, 2, 3], [4], [5]]);
});

test("a batch that fails rejects its own questions alone", async () => {
  let count = 0;
  const together = new Together<number, number>(async (questions) => {
    count += 1;
    if (count === 1) throw new Error("no");
    return questions;
  }, 2);
  const answers = await Promise.allSettled([1, 2, 3].map((one) => together.ask(one)));
  expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
});
