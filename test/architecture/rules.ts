/** The rules of docs/architecture.md. Each returns the sentences that a failing test prints; none means it holds. */

import { isTest, type SourceFile } from "./source-file.ts";

/** Imports go to the same or a lower layer. A new room gets its number here and a line in docs/architecture.md. */
export const LAYERS: Readonly<Record<string, number>> = {
  errors: 0,
  random: 0,
  format: 0,
  "each-at-once": 0,
  "lfs-pointer": 0,
  "machine-memory": 0,
  tensor: 1,
  images: 1,
  algorithms: 1,
  config: 1,
  tokens: 2,
  policy: 2,
  data: 2,
  edits: 2,
  runs: 2,
  engine: 3,
  encoders: 3,
  hub: 3,
  logging: 3,
  judge: 4,
  rewards: 4,
  think: 5,
  rollout: 5,
  train: 6,
  evaluate: 6,
  verify: 6,
  experiment: 7,
  serve: 7,
  report: 7,
  card: 7,
  benchmark: 7,
  cli: 8,
  index: 8,
};

const MOST_CODE_LINES = 300;

/** Names that say nothing about what is inside. */
const BANNED_WORDS = new Set(["util", "utils", "helper", "helpers", "common", "misc", "manager"]);

/** The one file that may touch each of them. */
const OWNERS: Readonly<Record<string, string>> = {
  Date: "src/runs/clock.ts",
  "process.env": "src/config/env.ts",
  // Both must keep onnxruntime from sending usage records, which is decided when it is loaded.
  "onnxruntime-node": "src/tensor/onnxruntime.ts",
  "new Worker": "src/tensor/start-module.ts",
};

/** "src/tokens/grammar.ts" lies in "tokens"; "src/errors.ts" is a room of its own. */
export function roomOf(path: string): string {
  return (path.split("/")[1] ?? "").replace(/\.ts$/, "");
}

/** Rooms that have no layer, and imports that go up. */
export function upwardImports(files: readonly SourceFile[]): string[] {
  return programFiles(files).flatMap((file) => {
    const from = LAYERS[roomOf(file.path)];
    if (from === undefined) return [`${file.path}: the room "${roomOf(file.path)}" has no layer`];
    return file.imports
      .filter((target) => (LAYERS[roomOf(target)] ?? Infinity) > from)
      .map((target) => `${file.path} (layer ${from}) imports ${target} (layer ${LAYERS[roomOf(target)]})`);
  });
}

/** Rooms of one layer that import each other in a circle, each circle once: "train → evaluate → train". */
export function roomCycles(files: readonly SourceFile[]): string[] {
  const edges = new Map<string, Set<string>>();
  for (const file of programFiles(files)) {
    const from = roomOf(file.path);
    for (const to of file.imports.map(roomOf)) {
      if (from === to || LAYERS[from] !== LAYERS[to]) continue;
      edges.set(from, (edges.get(from) ?? new Set()).add(to));
    }
  }
  const cycles = new Set<string>();
  const walk = (trail: readonly string[]): void => {
    for (const next of edges.get(trail.at(-1) ?? "") ?? []) {
      if (next === trail[0]) cycles.add([...trail, next].join(" → "));
      // Starting each circle at its first name in the alphabet reports it once.
      else if (!trail.includes(next) && next > (trail[0] ?? "")) walk([...trail, next]);
    }
  };
  for (const room of edges.keys()) walk([room]);
  return [...cycles];
}

/** File names with a word that says nothing. */
export function vagueNames(files: readonly SourceFile[]): string[] {
  return files
    .map((file) => file.path)
    .filter((path) => (path.split("/").at(-1) ?? "").split(/[-.]/).some((word) => BANNED_WORDS.has(word)));
}

/** Files above the limit, longest first. */
export function longFiles(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => file.codeLines > MOST_CODE_LINES)
    .toSorted((one, other) => other.codeLines - one.codeLines)
    .map((file) => `${file.path}: ${file.codeLines} code lines, at most ${MOST_CODE_LINES}`);
}

/** Everything that is loaded with a file, itself too: own files by path, packages by name. */
export function loadedWith(path: string, files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const found = new Set([path]);
  for (const name of found) for (const loaded of byPath.get(name)?.loads ?? []) found.add(loaded);
  return [...found].toSorted();
}

/** Clocks, environment, console, unseeded randomness, onnxruntime and threads outside the file that owns them. */
export function strays(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    file.guarded
      .filter((name) => OWNERS[ownerKey(name)] !== file.path)
      .map((name) => `${file.path} uses ${name}`),
  );
}

function ownerKey(name: string): string {
  return name.includes("Date") ? "Date" : name;
}

function programFiles(files: readonly SourceFile[]): readonly SourceFile[] {
  return files.filter((file) => !isTest(file.path));
}
