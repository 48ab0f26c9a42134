/** A process that has edits scored: `scoring-run.ts URL CACHE COUNT`. Prints the verdicts as JSON when all are there. */

import { Rng } from "../../src/random.ts";
import { openRewards, RewardList } from "../../src/rewards/open-reward.ts";
import { greyEdit } from "./grey-edit.ts";

const [url = "", directory = "", count = "0"] = process.argv.slice(2);
await using reward = await openRewards(
  RewardList.parse([
    { kind: "viescore", model: "judge", endpoints: [{ url, concurrency: 4 }], cache: { directory } },
  ]),
);
const rng = Rng.from(1);
const edits = Array.from({ length: Number(count) }, (_, index) => {
  const edit = greyEdit(100, { instruction: `edit ${index}` });
  // Each picture another one, so that no question is asked twice.
  edit.edited.pixels.set(Array.from({ length: 300 }, () => rng.integer(256)));
  return edit;
});
const verdicts = await reward.score(edits, { signal: new AbortController().signal });
process.stdout.write(`${JSON.stringify(verdicts)}\n`);
