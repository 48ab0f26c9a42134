/** The package as somebody installs it: compiled, with types, without anything that development needs. */

import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { beforeAll, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const packages = join(root, "node_modules");
const CONFIG = `
name: start
algorithm: sft
data: { directory: data }
policy: { hiddenSize: 16, layers: 1, heads: 2, keyValueHeads: 1, intermediateSize: 16 }
tokenizer: { textMerges: 0 }
engine: { threads: 1 }
sft: { steps: 2, batchSize: 2, warmupSteps: 1, evaluateEvery: 2, validationSize: 2, saveEvery: 2 }
evaluation: { size: 2, comparisons: 1 }
`;

let source: string;
let packed: string;
/** A project that has the package installed. */
let consumer: string;
let installed: string;

/** What the program prints. Throws with all of what it said where it fails. */
function run(program: string, words: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(program, words, { cwd, encoding: "utf8" });
  if (status === 0) return stdout;
  throw new Error(`${program} ${words.join(" ")}: exit code ${String(status)}\n${stdout}${stderr}`);
}
const earl = (...words: string[]): string =>
  run(process.execPath, [join(installed, "dist/cli/main.js"), ...words], consumer);

beforeAll(() => {
  source = mkdtempSync(join(tmpdir(), "earl-source-"));
  const tracked = [
    "src",
    "recipes",
    "python",
    ".npmrc",
    "package.json",
    "tsconfig*.json",
    "README.md",
    "LICENSE",
  ];
  for (const path of run("git", ["ls-files", "-coz", "--exclude-standard", ...tracked], root)
    .split("\0")
    .filter(Boolean)) {
    cpSync(join(root, path), join(source, path), { recursive: true });
  }
  symlinkSync(packages, join(source, "node_modules"));
  consumer = mkdtempSync(join(tmpdir(), "earl-consumer-"));
  const [{ filename }] = JSON.parse(
    run("npm", ["pack", "--json", "--silent", "--pack-destination", consumer], source),
  ) as [{ filename: string }];
  packed = join(consumer, filename);

  installed = join(consumer, "node_modules/earl");
  mkdirSync(installed, { recursive: true });
  run("tar", ["-xzf", packed, "--strip-components=1", "-C", installed], consumer);
  const { dependencies } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  for (const name of [...Object.keys(dependencies), "@types/node"]) {
    mkdirSync(dirname(join(consumer, "node_modules", name)), { recursive: true });
    symlinkSync(join(packages, name), join(consumer, "node_modules", name));
  }
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ type: "module", private: true }));
}, 120_000);

test("no package that is installed with the repository runs a script", () => {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(root, name), "utf8"));
  const { packages: locked } = read("package-lock.json") as {
    packages: Record<string, { hasInstallScript?: boolean }>;
  };
  // npm 10 runs what the lock file marks: onnxruntime's script would fetch libraries of CUDA, or fail without a network.
  const marked = Object.entries(locked).filter(([, { hasInstallScript }]) => hasInstallScript === true);
  expect(marked).toEqual([]);
  const { allowScripts } = read("package.json") as { allowScripts: Record<string, boolean> };
  const scripted = Object.keys(locked).filter((path) => {
    if (path === "" || !existsSync(join(root, path, "package.json"))) return false;
    const { scripts = {} } = read(join(path, "package.json")) as { scripts?: Record<string, string> };
    return ["preinstall", "install", "postinstall"].some((name) => name in scripts);
  });
  expect(scripted.length).toBeGreaterThan(0);
  for (const path of scripted) expect(allowScripts[path.replace("node_modules/", "")], path).toBe(false);
});

describe("the package", () => {
  test("holds JavaScript with maps and declarations, recipes, and neither sources, tests nor what runs them", () => {
    const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
    expect(files).toEqual(
      expect.arrayContaining([
        "dist/index.js",
        "dist/index.js.map",
        "dist/index.d.ts",
        "dist/cli/main.js",
        "dist/engine/onnx/worker.js",
        "dist/tensor/device-trial.js",
        "recipes/demo/config.yaml",
        "python/requirements.cpu.txt",
        "python/earl_engine/__main__.py",
        "README.md",
        "LICENSE",
      ]),
    );
    // A recipe's reward is shown as its reader writes one.
    const ours = files.filter((name) => !name.startsWith("recipes/"));
    expect(ours.filter((name) => /(?<!\.d)\.ts$|\.test\.|\.contract\.|from-source|^src/.test(name))).toEqual(
      [],
    );
    expect(existsSync(join(consumer, "node_modules/tsx"))).toBe(false);
    // What a checkout does not have cannot be run when it is stale.
    expect(existsSync(join(source, "dist"))).toBe(false);
    const entry = readFileSync(join(installed, "dist/cli/main.js"), "utf8");
    expect(entry.startsWith("#!/usr/bin/env node\n")).toBe(true);
  });

  test("says its version and what it can do", () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    expect(earl("--version")).toBe(`${version}\n`);
    expect(earl("--help")).toContain("evaluate");
    expect(earl("doctor")).toContain("multiplies a matrix");
  });

  test("has a config that earl demo finds", () => {
    const recipe = join(installed, "recipes/demo/config.yaml");
    expect(earl("config", "check", recipe)).toContain("is sound");
  });
});

describe("a project that has it installed", () => {
  test("draws data, trains and edits without a TypeScript file being run", () => {
    writeFileSync(join(consumer, "start.yaml"), CONFIG);
    earl("data", "scenes", "--out", "data", "--train", "12", "--validation", "4", "--test", "4");
    expect(earl("train", "start.yaml")).toMatch(/source copied[\s\S]*report\.html\n$/);
    expect(earl("ls")).toMatch(/start +finished/);
  }, 120_000);

  test.each(["typescript", "typescript-7"])(
    "compiles docs/library.md's programs strictly (%s)",
    (compiler) => {
      const options = {
        strict: true,
        exactOptionalPropertyTypes: true,
        target: "ES2023",
        module: "NodeNext",
        types: ["node"],
        outDir: "out",
      };
      const programs = programsOf(readFileSync(join(root, "docs/library.md"), "utf8"));
      for (const [name, text] of programs) writeFileSync(join(consumer, name), text);
      expect(programs.size).toBeGreaterThan(1);
      const files = [...programs.keys()].filter((name) => name.endsWith(".ts"));
      writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files }));
      run(process.execPath, [join(packages, compiler, "bin/tsc")], consumer);
    },
    120_000,
  );

  test("runs them", () => {
    const trained = run(process.execPath, ["out/own-reward.js"], consumer);
    expect(trained).toMatch(/^step 1: reward 0\.\d+\nstep 2: reward 0\.\d+\nfinished after 2 steps\n$/);
    const rewards = run(process.execPath, ["out/rewards-of-a-run.js"], consumer);
    expect(rewards).toMatch(/^1 0\.\d+\n2 0\.\d+\n$/);
    expect(earl("report", "darker")).toContain("report.html");
  }, 120_000);
});

/** The fenced blocks of a page that name a file: ```ts own-reward.ts */
function programsOf(page: string): Map<string, string> {
  return new Map(
    [...page.matchAll(/^```\w+ (\S+\.(?:ts|yaml))\n([\s\S]*?)^```$/gm)].map(([, name, text]) => [
      name as string,
      text as string,
    ]),
  );
}
