/** Runs every `@example` of the program's docstrings: documentation that stops being true fails here. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { readSources } from "./architecture/source-file.ts";
import { arrowsIn, type DocstringExample, examplesOf, runExample } from "./examples/docstring-example.ts";

const root = join(import.meta.dirname, "..");
const load = (path: string): Promise<Record<string, unknown>> => import(join(root, path));

const examples = readSources(root, "src").flatMap((file) =>
  examplesOf(file.path, readFileSync(join(root, file.path), "utf8")),
);

describe("docstring examples", () => {
  test.each(examples.map((example) => [`${example.path}:${example.line}`, example] as const))(
    "%s says what happens",
    async (_place, example) => {
      const claims = await runExample(example, load);
      // An arrow that is not behind an expression would be skipped in silence.
      expect(claims, "every arrow is behind an expression").toHaveLength(arrowsIn(example));
      for (const claim of claims) expect(claim.actual, claim.expression).toEqual(claim.expected);
    },
  );
});

describe("the examples' reader", () => {
  const statistics = "src/algorithms/statistics.ts";
  const example = (code: string): DocstringExample => ({ path: statistics, line: 1, code });

  test("takes the code out of a docstring", () => {
    const text =
      "/**\n * What.\n *\n * @example\n * const a = 1;\n * a + 1; // => 2\n */\nexport const b = 1;\n";
    expect(examplesOf("src/a.ts", text)).toEqual([
      { path: "src/a.ts", line: 4, code: "const a = 1;\na + 1; // => 2" },
    ]);
  });

  test("finds two examples of one docstring apart", () => {
    const text = "/**\n * @example\n * 1; // => 1\n * @example\n * 2; // => 2\n */";
    expect(examplesOf("src/a.ts", text).map((found) => found.code)).toEqual(["1; // => 1", "2; // => 2"]);
  });

  test("reports what came out beside what was claimed", async () => {
    const claims = await runExample(
      example("const two = 2;\nstd([1, two + 1], 'population'); // => 7"),
      load,
    );
    expect(claims).toEqual([{ expression: "std([1, two + 1], 'population')", actual: 1, expected: 7 }]);
  });

  test("imports relative to the file, and takes an error's name", async () => {
    const code = `import { Rng } from "../random.ts";\nnew Rng.Nothing(); // => throws TypeError`;
    expect(await runExample(example(code), load)).toMatchObject([
      { actual: "TypeError", expected: "TypeError" },
    ]);
  });

  test("notices that nothing was thrown", async () => {
    const claims = await runExample(example("std([1, 3], 'population'); // => throws ShapeError"), load);
    expect(claims).toMatchObject([{ actual: "nothing", expected: "ShapeError" }]);
  });

  test("sees an arrow that claims nothing", async () => {
    const loose = example("const two = 2; // => 2");
    expect(await runExample(loose, load)).toHaveLength(0);
    expect(arrowsIn(loose)).toBe(1);
  });
});
