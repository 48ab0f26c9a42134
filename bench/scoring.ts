/**
 * What `earl benchmark score` takes beside the judge's own limit: pairs of pictures on disk, scored by VIEScore behind a
 * judge of so many slots that takes 50 ms a request, a process of its own on loopback. The limit is two requests a pair
 * over the slots. Goal: 1,000 pairs within 5 % of it.
 *
 *   node src/from-source.mjs bench/scoring.ts [--pairs 1000] [--rounds 3] [--slots 8] [--milliseconds 50] [--side 256]
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cpuUsage } from "node:process";
import { parseArgs } from "node:util";

import { BenchmarkSettings } from "../src/benchmark/benchmark-settings.ts";
import { readEditArm } from "../src/benchmark/edit-arm.ts";
import { editsAtOnce, judgeOf } from "../src/benchmark/judges.ts";
import { scoredArm } from "../src/benchmark/scored-arm.ts";
import { picture } from "../src/images/picture.ts";
import { encodePng } from "../src/images/png.ts";
import { Rng } from "../src/random.ts";
import { openRewards } from "../src/rewards/open-reward.ts";
import { spread } from "./judge/spread.ts";
import { startJudge } from "./judge/start-judge.ts";

const { values } = parseArgs({
  options: {
    pairs: { type: "string", default: "1000" },
    rounds: { type: "string", default: "3" },
    slots: { type: "string", default: "8" },
    milliseconds: { type: "string", default: "50" },
    side: { type: "string", default: "256" },
  },
});
const [pairs, rounds, slots, milliseconds, side] = [
  values.pairs,
  values.rounds,
  values.slots,
  values.milliseconds,
  values.side,
].map(Number) as [number, number, number, number, number];

/** Smooth shapes with a little noise, as photographs have them; no two alike. */
function drawn(seed: number): Buffer {
  const rng = Rng.from(seed, "scoring");
  const { pixels, width } = picture(side, side);
  const [a, b, c] = [rng.uniform(), rng.uniform(), rng.uniform()];
  for (let index = 0; index < pixels.length; index += 3) {
    const [x, y] = [(index / 3) % width, Math.floor(index / 3 / width)];
    pixels[index] = 128 + 100 * Math.sin(x * a * 0.1);
    pixels[index + 1] = 128 + 100 * Math.sin(y * b * 0.1);
    pixels[index + 2] = 128 + 100 * Math.sin((x + y) * c * 0.1) + rng.integer(8);
  }
  return Buffer.from(encodePng({ pixels, width, height: side }));
}

function writePairs(folder: string): void {
  mkdirSync(folder);
  const lines = Array.from({ length: pairs }, (_, index) => {
    writeFileSync(join(folder, `${index}-source.png`), drawn(2 * index));
    writeFileSync(join(folder, `${index}-edited.png`), drawn(2 * index + 1));
    return { source: `${index}-source.png`, edited: `${index}-edited.png`, instruction: "Make it brighter" };
  });
  writeFileSync(join(folder, "edits.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

const root = mkdtempSync(join(tmpdir(), "earl-scoring-"));
const { judge: server, child } = await startJudge(slots, milliseconds);
try {
  const folder = join(root, "edits");
  writePairs(folder);
  const settings = BenchmarkSettings.parse({
    rewards: [
      {
        kind: "viescore",
        model: "judge",
        endpoints: [{ url: server.url, concurrency: Math.ceil(1.25 * slots) }],
        cache: { isUsed: false },
      },
    ],
  });
  const limit = (2 * pairs * milliseconds) / 1000 / slots;
  const taken: number[] = [];
  const worked: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    rmSync(join(folder, "scores"), { recursive: true, force: true });
    await using reward = await openRewards(settings.rewards!);
    const begun = performance.now();
    const before = cpuUsage();
    const { scores } = await scoredArm(readEditArm(folder), {
      judge: judgeOf(undefined, settings, reward),
      measures: [],
      settings,
      atOnce: editsAtOnce(settings.rewards),
      signal: new AbortController().signal,
      onScore: () => {},
    });
    if (scores.some(({ verdict }) => verdict?.kind !== "scored")) throw new Error("A verdict failed.");
    taken.push((performance.now() - begun) / 1000);
    const { user, system } = cpuUsage(before);
    worked.push((user + system) / 1e6 / pairs);
  }
  process.stdout.write(
    `${pairs} pairs of ${side}², ${slots} slots of ${milliseconds} ms: ${spread(taken, 1, 2)} s, limit ${limit.toFixed(2)} s, above it ${spread(
      taken.map((seconds) => seconds / limit - 1),
      100,
      1,
    )} %, CPU ${spread(worked, 1000, 1)} ms a pair\n`,
  );
} finally {
  child.kill();
  rmSync(root, { recursive: true, force: true });
}
