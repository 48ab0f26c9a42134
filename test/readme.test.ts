/** What the README shows of the program is the program. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

test("the README's loop is the text of src/train/grpo.ts", () => {
  const [, shown] = /## The loop\n.*?```ts\n(.*?)```/su.exec(read("README.md")) ?? [];
  const [loop] = /^ {2}for await .*?^ {2}\}\n/msu.exec(read("src/train/grpo.ts")) ?? [];
  expect(shown).toBeDefined();
  expect(shown).toBe(loop?.replaceAll(/^ {2}/gmu, ""));
});
