import { expect, test } from "vitest";

import type { ScoredCompletion, ScoredGroup } from "../rollout/scored-group.ts";
import { GrpoSettings } from "./grpo-settings.ts";
import { lossPlan, needsTrainer, trainingGroups } from "./training-groups.ts";

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

test("what the trainer said is what ratios compare with, and its ratio to the sampler weighs a token", () => {
  const [written] = [group(1, 2)].map(({ edit, completions }) => ({
    edit,
    completions: completions.map((one) => ({
      ...one,
      trainerLogprobs: one.logprobs.map((value) => (value === 0 ? 0 : value + 0.5)),
    })),
  }));
  const settings = { updatesPerRollout: 2, maxTokens: 8, loss: { importanceCap: 1.5 } };
  const [own] = trainingGroups([written!], [[1, -1]], lossPlan(GrpoSettings.parse(settings)));
  expect(own?.completions[1]?.oldLogprobs).toEqual(Float32Array.of(-1.5, 0));
  // e^0.5 is 1.65; the second token was forced.
  expect(own?.completions[1]?.importance).toEqual(Float32Array.of(1.5, 1));
  const without = lossPlan(GrpoSettings.parse({ maxTokens: 8 }));
  expect(trainingGroups([written!], [[1, -1]], without)[0]?.completions[1]).not.toHaveProperty("importance");
});

test.each([
  [{}, 2, false],
  [{ updatesPerRollout: 2 }, 2, true],
  [{ lookAhead: 1 }, 2, true],
  [{ updatesPerRollout: 2 }, 1e-4, false],
  [{ lookAhead: 1 }, 1e-4, false],
  [{ loss: { importanceCap: 2 } }, 1e-4, true],
])(
  "with %o and a sampler that is up to %d nats apart, the trainer is asked: %s",
  (settings, largest, isAsked) => {
    const engine = { agreement: { mean: largest / 10, largest } };
    expect(needsTrainer(GrpoSettings.parse(settings), engine)).toBe(isAsked);
  },
);
