import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { ASPECTS, peopleAgreement, RatedScores } from "./people-agreement.ts";

const fixture = new URL("../../test/fixtures/viescore_golden_gpt4o_tie.json", import.meta.url);
const number = z.record(z.enum(ASPECTS), z.number());
const Expected = z.object({
  expected: z.object({
    perModel: z.record(
      z.string(),
      z.object({ meanO: z.number(), rhoSC: z.number(), rhoPQ: z.number(), rhoO: z.number() }),
    ),
    meanRho: number,
    paperAverage_tanhOfMeanRho: number,
  }),
});

describe("peopleAgreement on VIEScore's published scores", () => {
  const json: unknown = JSON.parse(readFileSync(fixture, "utf8"));

  test("gives the published averages, and the figures that the authors printed", () => {
    const { published, printed, mean, fractions } = peopleAgreement(RatedScores.parse(json));
    const { expected } = Expected.parse(json);
    for (const aspect of ASPECTS) {
      expect(published[aspect]).toBeCloseTo(expected.meanRho[aspect], 12);
      expect(printed[aspect]).toBeCloseTo(expected.paperAverage_tanhOfMeanRho[aspect], 12);
      expect(mean[aspect]).toBeCloseTo(published[aspect], 3);
    }
    // One score of 8.5 among thousands is what the two differ by.
    expect(fractions).toBe(1);
  });
  test("gives the correlation of each model", () => {
    const { models } = peopleAgreement(RatedScores.parse(json));
    const { expected } = Expected.parse(json);
    expect(models).toHaveLength(8);
    for (const { model, rho, meanO } of models) {
      const want = expected.perModel[model]!;
      expect([rho.SC, rho.O, meanO]).toEqual(
        [want.rhoSC, want.rhoO, want.meanO].map((value) => expect.closeTo(value, 9) as number),
      );
      expect(rho.PQ).toBeCloseTo(want.rhoPQ, 2);
    }
  });
});

describe("peopleAgreement", () => {
  const row = (sc: number, pq: number, ...human: [number, number][]) => ({
    sc: [sc, 10],
    pq: [pq, 10],
    human,
  });
  test("by hand: a judge that orders as people do has 1, one that orders the other way −1", () => {
    const models = {
      right: [row(1, 9, [0, 1]), row(5, 5, [0.5, 0.5]), row(9, 1, [1, 0])],
      wrong: [row(9, 1, [0, 1]), row(5, 5, [0.5, 0.5]), row(1, 9, [1, 0])],
    };
    const { models: each, mean } = peopleAgreement(RatedScores.parse({ models }));
    expect(each.map(({ rho }) => [rho.SC, rho.PQ])).toEqual([
      [1, 1],
      [-1, -1],
    ]);
    expect(mean).toMatchObject({ SC: 0, PQ: 0 });
  });
  test("a model without variance has no correlation and does not count in the mean", () => {
    const flat = [row(5, 5, [0, 0]), row(5, 5, [1, 1])];
    const right = [row(1, 1, [0, 0]), row(5, 5, [1, 1])];
    const { models, mean } = peopleAgreement(RatedScores.parse({ models: { flat, right } }));
    expect(models[0]?.rho.SC).toBeUndefined();
    expect(mean.SC).toBe(1);
  });
});
