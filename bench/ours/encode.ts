/**
 * Pictures a second of what `earl data prepare` does with them: decode a JPEG, resize it, encode it. The folder is one
 * that bench/peer/encode.py made; prints a line of JSON a round.
 *
 *   node src/from-source.mjs bench/ours/encode.ts DIR --rounds 2
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { decodePicture } from "../../src/images/codec.ts";
import { resize } from "../../src/images/resize.ts";
import { openVisionTokenizer } from "../../src/tokens/open-vision-tokenizer.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "1" }, together: { type: "string", default: "4" } },
});
const [directory = ""] = positionals;
const SIDE = 256;
const together = Number(values.together);

await using vision = await openVisionTokenizer(join(directory, "tokenizer"));
const folder = join(directory, "pictures");
const names = readdirSync(folder).toSorted();

async function encode(some: readonly string[]): Promise<Int32Array[]> {
  const pictures = await Promise.all(
    some.map(async (name) => resize(await decodePicture(readFileSync(join(folder, name)), name), SIDE, SIDE)),
  );
  return (await vision.encode(pictures)).map(({ codes }) => codes);
}

const [first = new Int32Array()] = await encode(names.slice(0, together));
for (let round = 0; round < Number(values.rounds); round += 1) {
  const begun = performance.now();
  for (let start = 0; start < names.length; start += together)
    await encode(names.slice(start, start + together));
  const seconds = (performance.now() - begun) / 1000;
  const figures = {
    picturesPerSecond: names.length / seconds,
    peakBytes: 1024 * process.resourceUsage().maxRSS,
    codes: first.reduce((sum, code) => sum + code, 0),
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}
