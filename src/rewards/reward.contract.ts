/** What every Reward must do, as a suite that each implementation runs. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { picture, type Picture } from "../images/picture.ts";
import type { JudgeVerdict } from "../judge/verdict.ts";
import { isScoreName } from "../runs/metrics.ts";
import { askReward } from "./ask-reward.ts";
import type { DecodedEdit, Reward } from "./reward.ts";

export interface RewardSubject {
  /** Opens the reward; each test closes its own. Verdicts must follow from the edit alone. */
  open(): Promise<Reward>;
}

/** Longest time that `score` may take to end after its signal. */
const SOON_MS = 1000;
const SIDE = 8;

function flat(level: number, side = SIDE): Picture {
  return picture(side, side, new Uint8Array(3 * side * side).fill(level));
}

/** One quarter of a grey picture is to become light; `share` of it did. */
function edit(id: string, share: number): DecodedEdit {
  const painted = (part: number): Picture => {
    const drawn = flat(100);
    drawn.pixels.fill(200, 0, Math.round((part * drawn.pixels.length) / 4 / 3) * 3);
    return drawn;
  };
  return {
    exampleId: id,
    instruction: "make the first quarter light",
    source: flat(100),
    edited: painted(share),
    target: painted(1),
    mask: flat(255),
  };
}

const EDITS = [edit("whole", 1), edit("nothing", 0), edit("half", 0.5), edit("most", 0.75)];

function forever(): AbortSignal {
  return new AbortController().signal;
}

export function rewardContract(name: string, subject: RewardSubject): void {
  describe(`${name} as a Reward`, () => {
    let reward: Reward;
    let verdicts: JudgeVerdict[];
    beforeAll(async () => {
      reward = await subject.open();
      verdicts = await reward.score(EDITS, { signal: forever() });
    });
    afterAll(async () => reward[Symbol.asyncDispose]());

    test("has a name for metrics and a range", () => {
      expect(isScoreName(reward.name)).toBe(true);
      const [low, high] = reward.range;
      expect(low).toBeLessThan(high);
    });

    test("gives one verdict an edit, in order", async () => {
      expect(verdicts).toHaveLength(EDITS.length);
      for (const [index, one] of EDITS.entries()) {
        expect(await reward.score([one], { signal: forever() })).toEqual([verdicts[index]]);
      }
      const turned = await reward.score(EDITS.toReversed(), { signal: forever() });
      expect(turned).toEqual(verdicts.toReversed());
    });

    test("scores what it can, within its range, with subscores that can be logged", () => {
      expect(verdicts.map(({ kind }) => kind)).toEqual(EDITS.map(() => "scored"));
      const [low, high] = reward.range;
      for (const verdict of verdicts) {
        if (verdict.kind !== "scored") continue;
        expect(verdict.score).toBeGreaterThanOrEqual(low);
        expect(verdict.score).toBeLessThanOrEqual(high);
        for (const [subscore, value] of Object.entries(verdict.subscores)) {
          expect(isScoreName(subscore)).toBe(true);
          expect(Number.isFinite(value)).toBe(true);
        }
      }
    });

    test("tells edits apart", () => {
      const scores = verdicts.map((verdict) => (verdict.kind === "scored" ? verdict.score : undefined));
      expect(new Set(scores).size).toBeGreaterThan(1);
    });

    test("gives no verdicts for no edits", async () => {
      expect(await askReward(reward, [], { signal: forever() })).toEqual([]);
      expect(await reward.score([], { signal: forever() })).toEqual([]);
    });

    test("an edit without what it needs fails alone, and the verdict says what is missing", async () => {
      for (const need of reward.needs) {
        const { [need]: _, ...without } = EDITS[0]!;
        const [failed, other] = await reward.score([without, EDITS[1]!], { signal: forever() });
        expect(failed).toMatchObject({ kind: "unparsable", reason: expect.stringContaining(need) as string });
        expect(other).toEqual(verdicts[1]);
      }
    });

    test("needs nothing that it does not declare", async () => {
      const { target, mask, ...bare } = EDITS[2]!;
      const declared = {
        ...bare,
        ...(reward.needs.includes("target") && { target: target! }),
        ...(reward.needs.includes("mask") && { mask: mask! }),
      };
      expect(await reward.score([declared], { signal: forever() })).toEqual([verdicts[2]]);
    });

    test("a picture of another size gets a verdict of its own, whatever that says", async () => {
      const odd = { ...EDITS[0]!, edited: flat(100, 4) };
      const given = await reward.score([odd, EDITS[1]!, { ...odd, edited: picture(1, 1) }], {
        signal: forever(),
      });
      expect(given).toHaveLength(3);
      expect(given[1]).toEqual(verdicts[1]);
    });

    test("does not change the pictures it is given", async () => {
      const before = structuredClone(EDITS);
      await reward.score(EDITS, { signal: forever() });
      expect(EDITS).toEqual(before);
    });

    test("asked after its signal, it rejects with the signal's reason", async () => {
      const reason = new Error("stopped");
      await expect(reward.score(EDITS, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    });

    test("told to stop while it works, it ends soon: with the reason, or done", async () => {
      const stop = new AbortController();
      const asked = reward.score(EDITS, { signal: stop.signal });
      const reason = new Error("stopped");
      stop.abort(reason);
      const late = new Promise<"late">((resolve) => {
        setTimeout(() => resolve("late"), SOON_MS).unref();
      });
      const outcome = await Promise.race([asked.catch((cause: unknown) => cause), late]);
      expect([reason, verdicts]).toContainEqual(outcome);
    });

    test("two calls at once do not mix", async () => {
      const [first, second] = await Promise.all([
        reward.score(EDITS.slice(0, 2), { signal: forever() }),
        reward.score(EDITS.slice(2), { signal: forever() }),
      ]);
      expect([...first, ...second]).toEqual(verdicts);
    });

    test("can be closed, and closed again", async () => {
      const own = await subject.open();
      await own[Symbol.asyncDispose]();
      await expect(own[Symbol.asyncDispose]()).resolves.toBeUndefined();
    });
  });
}
