/** The training loop of this very version, as its source says it: the pseudocode that a card quotes. */

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The loop of train/grpo, from its first line to its last, without the indentation of where it stands. */
export function loopText(): string {
  const [path] = ["../train/grpo.ts", "../train/grpo.js"]
    .map((file) => fileURLToPath(new URL(file, import.meta.url)))
    .filter((file) => existsSync(file));
  if (path === undefined) throw new Error("This copy of earl has no train/grpo.");
  const lines = readFileSync(path, "utf8").split("\n");
  const first = lines.findIndex((line) =>
    line.trimStart().startsWith("for await (const step of stage.steps())"),
  );
  const indent = lines[first]?.match(/^ */)?.[0] ?? "";
  const last = lines.findIndex((line, at) => at > first && line === `${indent}}`);
  if (first < 0 || last < 0) throw new Error(`${path} holds no loop over stage.steps().`);
  return lines
    .slice(first, last + 1)
    .map((line) => line.slice(indent.length))
    .join("\n");
}
