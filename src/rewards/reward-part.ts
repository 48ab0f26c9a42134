/**
 * Rewards as parts of another one: each with a name, a weight and a map from its scores. What sums and products share
 * is here: parts are asked at once, and one that fails fails the whole, since a sum of what is left would be another
 * reward.
 */

import { z } from "zod";

import type { AnyChoice } from "../config/choice.ts";
import { value } from "../config/ranges.ts";
import { ConfigError } from "../errors.ts";
import type { JudgeContext } from "../judge/open-judge.ts";
import type { JudgeVerdict, ScoredVerdict } from "../judge/verdict.ts";
import { isScoreName } from "../runs/metrics.ts";
import { askReward } from "./ask-reward.ts";
import { TOTAL } from "./named-scores.ts";
import type { DecodedEdit, Reward, ScoreOptions } from "./reward.ts";
import { openScoreMap, ScoreMapChoice, type ScoreMap } from "./score-map.ts";

/** What the config may say of every reward in a list, whatever its kind. */
export const partOptions = {
  name: z
    .string()
    .refine((name) => isScoreName(name) && !name.includes("/"), "one word without slashes")
    .refine((name) => name !== TOTAL, `"${TOTAL}" is the name of the whole`)
    .optional()
    .describe("Its name in metrics; its kind unless given."),
  weight: value.default(1).describe("How much it counts."),
  map: ScoreMapChoice.prefault({}).describe("How its score becomes a reward."),
};

/** A reward of a list, as the config declares it. */
export type PartChoice = AnyChoice & {
  readonly name?: string | undefined;
  readonly weight: number;
  readonly map: ScoreMapChoice;
};

/** A reward that is open, with what the config says of it. */
export interface RewardPart {
  readonly name: string;
  readonly reward: Reward;
  readonly weight: number;
  readonly map: ScoreMap;
}

/** What a reward is opened with. */
export interface RewardContext {
  /** Opens rewards of any kind, for those that are made of others. */
  readonly open: (choice: PartChoice) => Promise<Reward>;
  /** For those that ask a judge. */
  readonly judge: JudgeContext;
}

/** Opens every part and puts them together. Where that fails, those that were opened are closed again. */
export async function openComposed(
  choices: readonly PartChoice[],
  context: RewardContext,
  compose: (parts: readonly RewardPart[]) => Reward,
): Promise<Reward> {
  const opened: Reward[] = [];
  try {
    const parts: RewardPart[] = [];
    for (const choice of choices) {
      const { weight } = choice;
      const reward = await context.open(choice);
      opened.push(reward);
      parts.push({
        name: choice.name ?? reward.name,
        reward,
        weight,
        map: openScoreMap(choice.map, reward.range),
      });
    }
    refuseEqualNames(parts);
    return compose(parts);
  } catch (cause) {
    await closeAll(opened);
    throw cause;
  }
}

async function closeAll(rewards: readonly Reward[]): Promise<void> {
  const closed = await Promise.allSettled(rewards.map((reward) => reward[Symbol.asyncDispose]()));
  const failed = closed.find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** What a reward made of parts is, except how their values are put together. */
export function composedReward(
  name: string,
  parts: readonly RewardPart[],
  whole: { readonly range: Reward["range"]; readonly of: (values: readonly number[]) => number },
): Reward {
  return {
    name,
    needs: [...new Set(parts.flatMap(({ reward }) => reward.needs))],
    provenance: Object.fromEntries(parts.flatMap(provenanceOf)),
    range: whole.range,
    asksServer: parts.some(({ reward }) => reward.asksServer === true),
    async score(edits, { signal }) {
      const byPart = await askAll(parts, edits, { signal });
      return edits.map((_, index) => {
        const verdicts = parts.map((part, at) => ({ part, verdict: byPart[at]![index]! }));
        return composedVerdict(verdicts, whole.of);
      });
    },
    [Symbol.asyncDispose]: () => closeAll(parts.map(({ reward }) => reward)),
  };
}

function provenanceOf({ name, reward }: RewardPart): [string, string][] {
  return Object.entries(reward.provenance ?? {}).map(([key, said]) => [`${name}/${key}`, said]);
}

/** Two rewards of one name would be one in metrics; a reward of the user's own is named by its function. */
function refuseEqualNames(parts: readonly RewardPart[]): void {
  const names = parts.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  throw new ConfigError(`Two rewards are called "${twice}".`, {
    hint: "Give one of them a name of its own: name.",
  });
}

/** Asks every part at once. Where one throws, the others are told to stop, and waited for. */
async function askAll(
  parts: readonly RewardPart[],
  edits: readonly DecodedEdit[],
  { signal }: ScoreOptions,
): Promise<JudgeVerdict[][]> {
  const fault = new AbortController();
  const options = { signal: AbortSignal.any([signal, fault.signal]) };
  const asked = parts.map(async ({ reward }) => askReward(reward, edits, options));
  for (const one of asked) one.catch((cause: unknown) => fault.abort(cause));
  await Promise.allSettled(asked);
  if (fault.signal.aborted) throw fault.signal.reason;
  return Promise.all(asked);
}

interface PartVerdict {
  readonly part: RewardPart;
  readonly verdict: JudgeVerdict;
}

function composedVerdict(
  verdicts: readonly PartVerdict[],
  of: (values: readonly number[]) => number,
): JudgeVerdict {
  const subscores: Record<string, number> = {};
  const reasons: string[] = [];
  const values: number[] = [];
  for (const { part, verdict } of verdicts) {
    if (verdict.kind !== "scored") return { ...verdict, reason: `${part.name}: ${verdict.reason}` };
    subscores[part.name] = verdict.score;
    for (const [name, score] of Object.entries(verdict.subscores)) subscores[`${part.name}/${name}`] = score;
    if (verdict.reasoning !== undefined) reasons.push(`${part.name}: ${verdict.reasoning}`);
    values.push(part.map.of(verdict.score));
  }
  const scored: ScoredVerdict = { kind: "scored", score: of(values), subscores };
  return reasons.length === 0 ? scored : { ...scored, reasoning: reasons.join("\n") };
}
