/** A judge of so many slots, each of which takes its time over a request: `slow-server.ts SLOTS MILLISECONDS`. Prints its address. */

import { setTimeout as delay } from "node:timers/promises";

import { scores } from "../../test/judge-server/behaviour.ts";
import { JudgeServer } from "../../test/judge-server/judge-server.ts";

const [slots = 64, milliseconds = 50] = process.argv.slice(2).map(Number);
let free = slots;
const waiting: (() => void)[] = [];

const server = await JudgeServer.start(async ({ index }) => {
  if (free > 0) free -= 1;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  await delay(milliseconds);
  const next = waiting.shift();
  if (next === undefined) free += 1;
  else next();
  return scores(index % 11, (index * 7) % 11);
});
process.stdout.write(`${server.url}\n`);
