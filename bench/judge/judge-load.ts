/** Many edits scored at once by the reward `viescore`: how busy the judge is kept, and how long a call takes. */

import { cpuUsage } from "node:process";
import { setTimeout as delay } from "node:timers/promises";

import { quantile } from "../../src/algorithms/statistics.ts";
import { picture, type Picture } from "../../src/images/picture.ts";
import { Rng } from "../../src/random.ts";
import { openRewards, RewardList } from "../../src/rewards/open-reward.ts";
import type { ServerFigures } from "./server-figures.ts";

export interface Judge {
  readonly url: string;
  readonly slots: number;
  /** Seconds that a slot takes over a request. */
  readonly seconds: number;
  readonly figures: () => Promise<ServerFigures>;
}

/** Of the time between warming up and running out. Seconds, but for the shares. */
export interface LoadFigures {
  /** Requests answered, of those that the slots could have answered. */
  readonly occupancy: number;
  /** Share of the slots' time with a request in them. */
  readonly busy: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** The client's own work a call, all threads. */
  readonly cpu: number;
  /** The judge's. */
  readonly serverCpu: number;
}

export interface Load {
  /** Questions that are open at once. */
  readonly inFlight: number;
  /** The endpoint's setting: requests that are on their way at once. */
  readonly concurrency: number;
  /** Of the pictures, in pixels. */
  readonly side: number;
  readonly seed: number;
  /** How long it is measured, after warming up. */
  readonly seconds: number;
}

/** VIEScore asks two questions about an edit, both at once. */
const CALLS_AN_EDIT = 2;
/** Completions of one prompt show one source. */
const GROUP_SIZE = 8;
/** The compiler needs some thousand calls; each in flight goes once round as well. */
const WARM_UP_CALLS = 3000;

export async function judgeLoad(judge: Judge, load: Load): Promise<LoadFigures> {
  const { inFlight, concurrency, side, seed, seconds } = load;
  const latencies: number[] = [];
  const endpoints = [{ url: judge.url, concurrency }];
  const choices = [{ kind: "viescore", model: "judge", endpoints, cache: { isUsed: false } }];
  await using reward = await openRewards(RewardList.parse(choices), {
    onJudgeCall: (_, call) => {
      if (call.kind !== "answered") throw new Error(`a call came to nothing: ${call.reason}`);
      latencies.push(call.seconds);
    },
  });
  const scene = drawn(side, Rng.from(seed, "pictures"));
  const { signal } = new AbortController();
  let count = 0;
  const over = new AbortController();
  let source = scene;
  const askOn = async (): Promise<void> => {
    while (!over.signal.aborted) {
      if (count % GROUP_SIZE === 0) source = withNumber(scene, count);
      count += 1;
      const edit = { exampleId: String(count), instruction: "Make it brighter", source };
      await reward.score([{ ...edit, edited: withNumber(scene, -count) }], { signal });
    }
  };
  const asking = Promise.all(Array.from({ length: Math.max(1, inFlight / CALLS_AN_EDIT) }, askOn));
  // A lone caller is slow, and warm after fewer calls.
  const warmUp = Math.min(WARM_UP_CALLS, 100 * inFlight) + inFlight;
  while (latencies.length < warmUp) await Promise.race([delay(50), asking]);
  latencies.length = 0;
  const before = await judge.figures();
  const worked = cpuUsage();
  await Promise.race([delay(1000 * seconds), asking]);
  const after = await judge.figures();
  const { user, system } = cpuUsage(worked);
  const calls = after.served - before.served;
  const capacity = judge.slots * (after.at - before.at);
  const measured = [...latencies];
  over.abort();
  await asking;
  return {
    occupancy: (calls * judge.seconds) / capacity,
    busy: (after.busy - before.busy) / capacity,
    p50: quantile(measured, 0.5),
    p95: quantile(measured, 0.95),
    p99: quantile(measured, 0.99),
    cpu: (user + system) / 1e6 / calls,
    serverCpu: (after.cpu - before.cpu) / calls,
  };
}

/** Another picture for each number, so that no question is asked twice. */
function withNumber({ width, height, pixels }: Picture, index: number): Picture {
  const own = pixels.slice();
  for (let digit = 0; digit < 32; digit += 1)
    own.fill(255 * ((index >> digit) & 1), 3 * digit, 3 * digit + 3);
  return picture(width, height, own);
}

/** Slow changes of colour with some grain, which JPEG makes about as much of as of a photograph. */
function drawn(side: number, rng: Rng): Picture {
  const phases = Array.from({ length: 6 }, () => 2 * Math.PI * rng.uniform());
  const pixels = Uint8Array.from({ length: 3 * side * side }, (_, index) => {
    const [channel, x, y] = [index % 3, Math.floor(index / 3) % side, Math.floor(index / 3 / side)];
    const wave =
      Math.sin((9 * x) / side + phases[channel]!) + Math.sin((7 * y) / side + phases[channel + 3]!);
    return 128 + 50 * wave + 12 * (rng.uniform() - 0.5);
  });
  return picture(side, side, pixels);
}
