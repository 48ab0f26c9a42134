/** `earl judge` in a folder of its own, with grey pictures to be judged. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { earl, type EarlResult } from "../run-earl.ts";
import type { JudgeServer } from "./judge-server.ts";

let folder: string;
let tests = 0;

/** Makes the folder for a file of tests, and takes it away. */
export function useJudgeFolder(): void {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "earl-judge-"));
    for (let level = 0; level < 6; level += 1) await draw(`${level}.png`, 40 * level);
  });
  beforeEach(() => {
    tests += 1;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
}

/** A path of this test's own, beside the pictures. */
export function file(name: string): string {
  return join(folder, `${tests}-${name}`);
}

async function draw(name: string, level: number): Promise<void> {
  const create = {
    width: 32,
    height: 32,
    channels: 3,
    background: { r: level, g: level, b: level },
  } as const;
  await sharp({ create }).png().toFile(join(folder, name));
}

/** Pairs of the grey pictures 0 to 5: the first one, and what came of it. */
export function writePairs(count: number, own: object = {}): string {
  const rows = Array.from({ length: count }, (_, index) => ({
    id: `pair-${index}`,
    source: "0.png",
    edited: `${index % 6}.png`,
    instruction: `make it ${index}`,
    ...own,
  }));
  writeFileSync(file("pairs.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return file("pairs.jsonl");
}

/** Runs a command with the judge's address and a cache of its own. */
export async function judge(server: JudgeServer, command: string, ...words: string[]): Promise<EarlResult> {
  const cache = ["--set", `cache.directory=${file("cache")}`];
  const quick = ["--set", "retries=0", "--set", "reasks=0"];
  return earl("judge", command, ...words, "--url", server.url, ...cache, ...quick);
}
