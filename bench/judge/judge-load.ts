/** Many edits scored at once by the reward `viescore`: how busy the judge is kept, and how long a call takes. */

import { cpuUsage } from "node:process";

import { quantile } from "../../src/algorithms/statistics.ts";
import { picture, type Picture } from "../../src/images/picture.ts";
import { Rng } from "../../src/random.ts";
import { openRewards, RewardList } from "../../src/rewards/open-reward.ts";

export interface Judge {
  readonly url: string;
  readonly slots: number;
  /** Seconds that a slot takes over a request. */
  readonly seconds: number;
}

/** Seconds, but for the share. */
export interface LoadFigures {
  /** Share of the slots' time in which they worked. */
  readonly occupancy: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** The client's own work a call, all threads. */
  readonly cpu: number;
}

/** VIEScore asks two questions about an edit, both at once. */
const CALLS_AN_EDIT = 2;
const LEAST_CALLS = 200;
const MOST_CALLS = 8000;
/** Calls for each that may be in flight, within these bounds. */
const TURNS = 20;

/** Keeps `inFlight` calls going, for as many as show a steady state. */
export async function judgeLoad(
  judge: Judge,
  inFlight: number,
  { side, seed }: { readonly side: number; readonly seed: number },
): Promise<LoadFigures> {
  const seconds: number[] = [];
  const endpoints = [{ url: judge.url, concurrency: judge.slots }];
  const choices = [{ kind: "viescore", model: "judge", endpoints, cache: { isUsed: false } }];
  await using reward = await openRewards(RewardList.parse(choices), {
    onJudgeCall: (_, call) => {
      if (call.kind !== "answered") throw new Error(`a call came to nothing: ${call.reason}`);
      seconds.push(call.seconds);
    },
  });
  const rng = Rng.from(seed, "pictures");
  const source = noise(side, rng);
  const { signal } = new AbortController();
  let left = Math.min(MOST_CALLS, Math.max(LEAST_CALLS, TURNS * inFlight)) / CALLS_AN_EDIT;
  const calls = left * CALLS_AN_EDIT;
  const begun = performance.now();
  const worked = cpuUsage();
  const askOn = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const edited = withNumber(source, left);
      await reward.score([{ exampleId: String(left), instruction: "Make it brighter", source, edited }], {
        signal,
      });
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, inFlight / CALLS_AN_EDIT) }, askOn));
  const wall = (performance.now() - begun) / 1000;
  const { user, system } = cpuUsage(worked);
  return {
    occupancy: (calls * judge.seconds) / (judge.slots * wall),
    p50: quantile(seconds, 0.5),
    p95: quantile(seconds, 0.95),
    p99: quantile(seconds, 0.99),
    cpu: (user + system) / 1e6 / calls,
  };
}

/** Another picture for each number, so that no question is asked twice. */
function withNumber({ width, height, pixels }: Picture, index: number): Picture {
  const own = Uint8Array.from(pixels);
  for (let digit = 0; digit < 16; digit += 1)
    own.fill(255 * ((index >> digit) & 1), 3 * digit, 3 * digit + 3);
  return picture(width, height, own);
}

function noise(side: number, rng: Rng): Picture {
  return picture(
    side,
    side,
    Uint8Array.from({ length: 3 * side * side }, () => rng.integer(256)),
  );
}
