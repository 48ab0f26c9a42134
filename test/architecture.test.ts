/** Holds the shape of the code base: layers, rooms, names, lengths. Every rule is also shown to find a breach. */

import { readdirSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import {
  loadedWith,
  longFiles,
  roomCycles,
  strays,
  upwardImports,
  vagueNames,
} from "./architecture/rules.ts";
import { parseSource, readSources } from "./architecture/source-file.ts";

const root = join(import.meta.dirname, "..");
const program = readSources(root, "src");
const everything = [...program, ...readSources(root, "test"), ...readSources(root, "bench")];

describe("architecture", () => {
  test("the rules see the whole program", () => {
    expect(program.map((file) => file.path)).toContain("src/engine/policy-engine.ts");
    expect(program.flatMap((file) => file.imports).length).toBeGreaterThan(20);
  });

  test("imports go to the same or a lower layer", () => {
    expect(upwardImports(program)).toEqual([]);
  });

  test("rooms of one layer do not import each other in a circle", () => {
    expect(roomCycles(program)).toEqual([]);
  });

  test("a file is named after what is in it", () => {
    expect(vagueNames(everything)).toEqual([]);
  });

  test("a file holds one idea: at most 300 lines of code", () => {
    expect(longFiles(everything)).toEqual([]);
  });

  test("a benchmark imports nothing from the command line", () => {
    const measurements = everything.filter((file) => file.path.startsWith("bench/"));
    expect(
      measurements.flatMap((file) =>
        file.imports.filter((target) => target.startsWith("src/cli/")).map((target) => [file.path, target]),
      ),
    ).toEqual([]);
  });

  test("`earl --help` loads what says which commands there are, and none of what they do", () => {
    const loaded = loadedWith("src/cli/main.ts", program);
    expect(loaded.filter((name) => !name.startsWith("src/cli/"))).toEqual([
      "commander",
      "picocolors",
      "src/config/env.ts",
      "src/data/scenes/scene.ts",
      "src/errors.ts",
      "src/format.ts",
      "src/policy/float-formats.ts",
      "src/runs/atomic-write.ts",
      "src/runs/clock.ts",
    ]);
    const commands = readdirSync(join(root, "src/cli/commands")).length;
    expect(loaded.filter((name) => name.startsWith("src/cli/commands/"))).toHaveLength(commands);
    expect(loaded.filter((name) => name.startsWith("src/cli/")).length).toBeLessThan(commands + 8);
  });

  test("time, environment, console, unseeded randomness, onnxruntime and threads have one owner each", () => {
    expect(strays(program)).toEqual([]);
  });

  test("benchmarks and tests come to onnxruntime and threads through their owners", () => {
    const doors = /uses (?:onnxruntime-node|new Worker)$/;
    expect(strays(everything).filter((sentence) => doors.test(sentence))).toEqual([]);
  });
});

describe("the rules find a breach", () => {
  test("an import that goes up, also of a type alone", () => {
    const file = parseSource("src/tokens/layout.ts", `import type { Run } from "../train/grpo.ts";`);
    expect(upwardImports([file])).toEqual([
      "src/tokens/layout.ts (layer 2) imports src/train/grpo.ts (layer 6)",
    ]);
  });

  test("a room without a layer", () => {
    expect(upwardImports([parseSource("src/attic/box.ts", "")])).toHaveLength(1);
  });

  test("a test may reach up", () => {
    const file = parseSource("src/tokens/layout.test.ts", `import { grpo } from "../train/grpo.ts";`);
    expect(upwardImports([file])).toEqual([]);
  });

  test("a circle of three rooms, once", () => {
    const files = [
      parseSource("src/policy/a.ts", `export { b } from "../tokens/b.ts";`),
      parseSource("src/tokens/b.ts", `import { c } from "../data/c.ts";`),
      parseSource("src/data/c.ts", `const a = await import("../policy/a.ts");`),
    ];
    expect(roomCycles(files)).toEqual(["data → policy → tokens → data"]);
  });

  test("a name that says nothing", () => {
    const paths = ["src/tokens/text-utils.ts", "src/tokens/common-prefix.ts", "src/tokens/utility.ts"];
    expect(vagueNames(paths.map((path) => parseSource(path, "")))).toEqual(paths.slice(0, 2));
  });

  test("a file of 301 lines, blank and comment lines left out", () => {
    const code = "export const one = 1;\n".repeat(300);
    expect(longFiles([parseSource("src/data/a.ts", `/** Why. */\n\n// Why.\n${code}`)])).toEqual([]);
    expect(longFiles([parseSource("src/data/a.ts", `${code}export const last = \`\n\`;`)])).toEqual([
      "src/data/a.ts: 302 code lines, at most 300",
    ]);
  });

  test.each(["Math.random()", "new Date()", "Date.now()", "process.env.HOME", "console.log(1)"])(
    "%s",
    (use) => {
      expect(strays([parseSource("src/data/a.ts", `export const a = ${use};`)])).toHaveLength(1);
      expect(strays([parseSource("src/data/a.ts", `// ${use}\nexport const a = "${use}";`)])).toEqual([]);
    },
  );

  test.each([
    `import * as ort from "onnxruntime-node";`,
    `import type { Tensor } from "onnxruntime-node";`,
    `const ort = await import("onnxruntime-node");`,
    `const ort = createRequire(import.meta.url)("onnxruntime-node");`,
    `export const worker = new Worker(place);`,
  ])("%s", (code) => {
    expect(strays([parseSource("src/data/a.ts", code)])).toHaveLength(1);
  });

  test("the owner of a global may use it", () => {
    expect(strays([parseSource("src/runs/clock.ts", "export const now = Date.now();")])).toEqual([]);
    expect(strays([parseSource("src/config/env.ts", "export const env = process.env;")])).toEqual([]);
  });
});
