import { expect, test } from "vitest";

import type { ScoredCompletion, ScoredGroup } from "../rollout/scored-group.ts";
import { GrpoSettings } from "./grpo-settings.ts";
import { lossPlan, trainingGroups } from "./training-groups.ts";

const completion = (id: number): ScoredCompletion => ({
  ids: Int32Array.of(id, 99),
  constraints: Int8Array.of(0, -1),
  logprobs: Float32Array.of(-id, 0),
  isFinished: true,
  verdict: { kind: "scored", score: id, subscores: {} },
  isExact: false,
});
const group = (...ids: number[]): ScoredGroup =>
  ({
    edit: { prompt: { ids: Int32Array.of(7) } },
    completions: ids.map(completion),
  }) as unknown as ScoredGroup;
const plan = (loss: object): ReturnType<typeof lossPlan> =>
  lossPlan(GrpoSettings.parse({ maxTokens: 8, loss: { kind: "dapo", ...loss } }));

test("a failed verdict leaves its group, and a group with one completion left leaves the batch", () => {
  const groups = [group(1, 2, 3), group(4, 5)];
  const advantages = [
    [1, undefined, -1],
    [undefined, 1],
  ];
  const batch = trainingGroups(groups, advantages, plan({ klCoef: 0.1 }));
  expect(batch.map(({ completions }) => completions.map(({ ids }) => ids[0]))).toEqual([[1, 3]]);
  // The one free token of each, averaged over the two that are left.
  expect(batch[0]?.completions.map(({ weights }) => [...weights])).toEqual([
    [0.5, 0],
    [0.5, 0],
  ]);
});

test("a group without an advantage stays for the KL term alone, and counts in the weights either way", () => {
  const groups = [group(1, 2), group(3, 4)];
  const advantages = [
    [1, -1],
    [0, 0],
  ];
  expect(trainingGroups(groups, advantages, plan({ klCoef: 0.1 }))).toHaveLength(2);
  const [own, ...others] = trainingGroups(groups, advantages, plan({ klCoef: 0 }));
  expect(others).toEqual([]);
  expect(own?.completions[0]?.weights[0]).toBe(0.25);
});

test("old log-probabilities travel where updates are several", () => {
  const several = lossPlan(GrpoSettings.parse({ updatesPerRollout: 2, maxTokens: 8 }));
  const [own] = trainingGroups([group(1, 2)], [[1, -1]], several);
  expect(own?.completions[1]?.oldLogprobs).toEqual(Float32Array.of(-2, 0));
});
