import { describe, expect, test } from "vitest";

import { compile, dump } from "./compile.ts";
import { multiply, negate } from "./ops/elementwise.ts";
import { input, scalar } from "./ops/leaves.ts";
import { linear } from "./ops/matmul.ts";
import { sum } from "./ops/broadcast.ts";
import { Session } from "./session.ts";

const rows = input("rows", [2, 3]);
const weight = input("weight", [4, 3]);
const loss = negate(sum(multiply(linear(rows, weight), scalar(2))));

describe("dump", () => {
  test("writes a graph as text, a value a line, inputs by name", () => {
    expect(dump({ loss })).toBe(
      [
        "rows = input() [2, 3] float32",
        "weight = input() [4, 3] float32",
        "%2 = matmul(rows, weight; transposeLeft=0; transposeRight=1; scale=1) [2, 4] float32",
        "%3 = constant() [] float32",
        "%4 = multiply(%2, %3) [2, 4] float32",
        "%5 = sum(%4; axes=0,1; keep=0) [] float32",
        "%6 = negate(%5) [] float32",
        "return loss = %6",
      ].join("\n"),
    );
  });
});

describe("compile", () => {
  test("counts the operations of matrix products and names what must be fed", () => {
    const graph = compile({ loss });
    expect(graph.flops).toBe(2 * 2 * 3 * 4);
    expect([...graph.inputs.keys()]).toEqual(["rows", "weight"]);
  });

  test("gives one value under two names, an input and a constant as they are", async () => {
    const twice = multiply(rows, scalar(2));
    const outputs = { first: twice, second: twice, again: rows, three: scalar(3) };
    await using session = await Session.open(compile(outputs), { threads: 1 });
    const found = await session.run({ rows: Float32Array.of(1, 2, 3, 4, 5, 6) });
    const read = Object.entries(found).map(([name, values]) => [name, Array.from(values, Number)]);
    expect(Object.fromEntries(read)).toEqual({
      first: [2, 4, 6, 8, 10, 12],
      second: [2, 4, 6, 8, 10, 12],
      again: [1, 2, 3, 4, 5, 6],
      three: [3],
    });
  });

  test("refuses two inputs of one name", () => {
    expect(() => compile({ loss: linear(rows, input("rows", [4, 3])) })).toThrow("named rows");
  });
});

describe("Session", () => {
  test("says which feed does not fit", async () => {
    await using session = await Session.open(compile({ loss }), { threads: 1 });
    await expect(session.run({ rows: new Float32Array(6), weight: new Float32Array(5) })).rejects.toThrow(
      "[4, 3] float32 as weight, got Float32Array of 5",
    );
  });
});
