import { describe, expect, test } from "vitest";
import { LossSettings } from "./loss-settings.ts";
import { lossSpecOf } from "./named-losses.ts";

const KINDS = ["grpo", "dr_grpo", "dapo", "gspo", "cispo"] as const;

function specOf(settings: object, updatesPerRollout: number, lookAhead = 0): ReturnType<typeof lossSpecOf> {
  return lossSpecOf(LossSettings.parse(settings), { updatesPerRollout, lookAhead, temperature: 0.7 });
}

describe("lossSpecOf", () => {
  test.each(KINDS)("%s with one update a rollout needs no ratio", (kind) => {
    expect(specOf({ kind }, 1)).toEqual({
      surrogate: { kind: "on-policy" },
      kl: { estimator: "k3", coef: 1e-3 },
      temperature: 0.7,
    });
  });
  test.each(KINDS)("%s on a rollout that older weights wrote needs one", (kind) => {
    expect(specOf({ kind }, 1, 1)).toEqual(specOf({ kind }, 2));
  });
  test("each name has its published surrogate and limits", () => {
    expect(KINDS.map((kind) => specOf({ kind }, 2).surrogate)).toEqual([
      { kind: "clipped", clipLow: 0.2, clipHigh: 0.2 },
      { kind: "clipped", clipLow: 0.2, clipHigh: 0.2 },
      { kind: "clipped", clipLow: 0.2, clipHigh: 0.28 },
      { kind: "sequence-clipped", clipLow: 3e-4, clipHigh: 4e-4 },
      { kind: "capped-weight", clipHigh: 4 },
    ]);
  });
  test("limits of the settings win: clip-higher for any loss", () => {
    expect(specOf({ kind: "grpo", clipLow: 0.1, clipHigh: 0.3 }, 4).surrogate).toEqual({
      kind: "clipped",
      clipLow: 0.1,
      clipHigh: 0.3,
    });
  });
  test("klCoef 0 leaves the KL term out", () => {
    expect(specOf({ klCoef: 0 }, 1)).not.toHaveProperty("kl");
  });
});
