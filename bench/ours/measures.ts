/**
 * Edits a second through the measures of MagicBrush, EmuEdit and I2EBench, thirteen figures each. The folder is one that
 * bench/peer/measures.py made; prints a line of JSON a round.
 *
 *   node src/from-source.mjs bench/ours/measures.ts DIR --rounds 2
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { openEncoder } from "../../src/encoders/open-encoder.ts";
import type { Measure } from "../../src/evaluate/benchmark.ts";
import { clipDirection } from "../../src/evaluate/measures/clip-direction.ts";
import { clipI, clipIm, dinoToSource, dinoToTarget } from "../../src/evaluate/measures/picture-likeness.ts";
import { L1, L1_TO_SOURCE, L2, PSNR } from "../../src/evaluate/measures/pixel-distances.ts";
import { SSIM, regionSimilarity } from "../../src/evaluate/measures/structural-similarities.ts";
import { clipOut, clipT } from "../../src/evaluate/measures/text-likeness.ts";
import { decodePicture } from "../../src/images/codec.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "1" }, together: { type: "string", default: "16" } },
});
const [directory = ""] = positionals;
const together = Number(values.together);
const captions = { source: "a red cat beside a blue house", target: "a dog on a table", local: "two birds" };

await using clip = await openEncoder("clip", join(directory, "clip"));
await using dino = await openEncoder("dino", join(directory, "dino"));
const measures: readonly Measure[] = [
  L1,
  L2,
  PSNR,
  L1_TO_SOURCE,
  SSIM,
  regionSimilarity(),
  ...[clipI, clipIm, clipT, clipOut, clipDirection].map((measure) => measure(clip)),
  ...[dinoToTarget, dinoToSource].map((measure) => measure(dino)),
];
const folder = join(directory, "pairs");
const names = [...new Set(readdirSync(folder).map((name) => name.split("-")[0]!))].toSorted();

/** The sum of an edit's figures. */
async function measured(name: string): Promise<number> {
  const [source, target, picture, mask] = await Promise.all(
    ["source", "target", "edited", "mask"].map(async (part) => {
      const path = join(folder, `${name}-${part}.png`);
      return decodePicture(readFileSync(path), path);
    }),
  );
  const pictures = { source: source!, target: target!, mask: mask! };
  const edit = { id: name, task: "edit", instruction: "", ...pictures, captions };
  const verdict = { kind: "unreachable", reason: "nobody was asked" } as const;
  const figures = await Promise.all(
    measures.map(async (measure) => measure.of({ edit, picture: picture!, verdict })),
  );
  return figures.reduce<number>((sum, figure) => sum + (figure ?? Number.NaN), 0);
}

async function all(some: readonly string[]): Promise<number> {
  let total = 0;
  for (let start = 0; start < some.length; start += together) {
    const batch = await Promise.all(some.slice(start, start + together).map(measured));
    total += batch.reduce((sum, figure) => sum + figure, 0);
  }
  return total;
}

await all(names.slice(0, together));
for (let round = 0; round < Number(values.rounds); round += 1) {
  const begun = performance.now();
  const total = await all(names);
  const seconds = (performance.now() - begun) / 1000;
  const figures = {
    measuresPerSecond: (measures.length * names.length) / seconds,
    peakBytes: 1024 * process.resourceUsage().maxRSS,
    mean: Number((total / names.length).toFixed(3)),
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}
