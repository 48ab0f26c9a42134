/** Seconds and GFLOP/s of encoding and decoding one picture with MoVQ at Emu3's size and random weights. */

import { parseArgs } from "node:util";

import { Rng } from "../../src/random.ts";
import { EMU3_MOVQ_CONFIG, spatialFactor } from "../../src/tokens/movq/config.ts";
import { MovqModel } from "../../src/tokens/movq/movq-model.ts";
import { initialMovqParameters } from "../../src/tokens/movq/parameters.ts";
import { printFigures } from "./workload.ts";

const { values } = parseArgs({
  options: {
    side: { type: "string", default: "256" },
    rounds: { type: "string", default: "3" },
    threads: { type: "string", default: "2" },
  },
});

const side = Number(values.side);
const parameters = initialMovqParameters(EMU3_MOVQ_CONFIG, 1);
const read = (names: Iterable<string>): Promise<ReadonlyMap<string, Float32Array>> =>
  Promise.resolve(new Map([...names].map((name) => [name, parameters.get(name) as Float32Array])));
await using model = new MovqModel(EMU3_MOVQ_CONFIG, read, { threads: Number(values.threads) });

const grid = side / spatialFactor(EMU3_MOVQ_CONFIG);
const encodeGflop = (await model.flops("encoder", side, side)) / 1e9;
const decodeGflop = (await model.flops("decoder", grid, grid)) / 1e9;
const rng = Rng.from(2, "pixels");
const pixels = Float32Array.from({ length: 3 * side * side }, () => 2 * rng.uniform() - 1);
// A small picture touches every weight before the clock runs, as in the peer's script.
const small = await model.encode(pixels.subarray(0, 3 * 64 * 64), 64, 64);
await model.decode(small.codes, small);
for (let round = 0; round < Number(values.rounds); round += 1) {
  const start = performance.now();
  const encoded = await model.encode(pixels, side, side);
  const middle = performance.now();
  await model.decode(encoded.codes, encoded);
  const [encodeSeconds, decodeSeconds] = [(middle - start) / 1000, (performance.now() - middle) / 1000];
  printFigures({
    encodeSeconds,
    decodeSeconds,
    encodeGflop,
    decodeGflop,
    encodeGflopPerSecond: encodeGflop / encodeSeconds,
    decodeGflopPerSecond: decodeGflop / decodeSeconds,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  });
}
