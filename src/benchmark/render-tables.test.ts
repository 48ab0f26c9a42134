import { expect, test } from "vitest";

import { csvOf, latexOf, markdownOf, textOf } from "./render-tables.ts";
import { estimateText } from "./result-tables.ts";

const table = {
  title: "a_b",
  head: ["arm", "O"],
  rows: [
    ["SFT → RL | x & y_1 <b>", "5.00 [4.00, 6.00]"],
    ["50 % {z}", "—"],
  ],
  notes: ["Judge: m."],
};

test("names of others are escaped in Markdown and LaTeX", () => {
  expect(markdownOf([table])).toBe(
    String.raw`# a\_b

| arm | O |
| --- | ---: |
| SFT → RL \| x & y\_1 \<b\> | 5.00 \[4.00, 6.00\] |
| 50 % {z} | — |

Judge: m.
`,
  );
  const tex = latexOf([table]);
  expect(tex).toContain(String.raw`    SFT $\rightarrow$ RL | x \& y\_1 <b> & 5.00 {[}4.00, 6.00{]} \\`);
  expect(tex).toContain(String.raw`    50 \% \{z\} & --- \\`);
  expect(tex).toContain(String.raw`\caption{a\_b}`);
});

test("CSV quotes, and no cell is a spreadsheet's formula", () => {
  expect(csvOf([["a,b", 'say "x"', "=1+1", "-0.5", "-x"]])).toBe(`"a,b","say ""x""",'=1+1,-0.5,'-x\r\n`);
});

test("the terminal's table is aligned", () => {
  expect(textOf([table]).split("\n")[2]).toBe("arm                                     O");
});

test("differences carry a sign, and a star where 0 lies outside", () => {
  expect(estimateText({ mean: 0.5, low: 0.1, high: 0.9, count: 3 }, "score", true)).toBe(
    "+0.50 [+0.10, +0.90] *",
  );
  expect(estimateText({ mean: -0.5, low: -1.1, high: 0.9, count: 3 }, "share", true)).toBe(
    "−0.500 [−1.100, +0.900]",
  );
  expect(estimateText({ mean: 1, low: null, high: null, count: 1 }, "score")).toBe("1.00");
  expect(estimateText(undefined, "score")).toBe("—");
});
