/**
 * How far a judge's scores agree with people's, as VIEScore measures it (Ku et al. 2024, section 4): Spearman's
 * correlation for each model whose edits were rated, averaged over the models.
 *
 * People rate SC and PQ as 0, 0.5 or 1 (ImagenHub). A picture's rating is the mean over the people, for O that of each
 * person's √(SC · PQ). The judge's is the lesser of its two scores, for O the root of their product.
 */

import { spearman } from "../algorithms/correlation.ts";
import { mean } from "../algorithms/statistics.ts";
import { z } from "zod";

// Two scores, or the one that the judge gave in place of them.
const given = z.array(z.number()).min(1);
const Rated = z.looseObject({
  sc: given,
  pq: given,
  /** [SC, PQ] of each person. */
  human: z.array(z.tuple([z.number(), z.number()])).min(1),
});
export const RatedScores = z.looseObject({ models: z.record(z.string(), z.array(Rated).min(2)) });
export type RatedScores = z.infer<typeof RatedScores>;
type Rated = z.infer<typeof Rated>;

export const ASPECTS = ["SC", "PQ", "O"] as const;
export type Aspect = (typeof ASPECTS)[number];

export interface ModelAgreement {
  readonly model: string;
  readonly count: number;
  /** Of the judge. */
  readonly meanO: number;
  /** Undefined where one side has no variance. */
  readonly rho: Readonly<Record<Aspect, number | undefined>>;
}

export interface PeopleAgreement {
  readonly models: readonly ModelAgreement[];
  /** Mean of Spearman's correlations over the models. */
  readonly mean: Readonly<Record<Aspect, number>>;
  /** The same with scores cut to whole numbers, as the authors' script does. */
  readonly published: Readonly<Record<Aspect, number>>;
  /** What the authors' table prints: the hyperbolic tangent of that mean. */
  readonly printed: Readonly<Record<Aspect, number>>;
  /** Scores that are not whole. */
  readonly fractions: number;
}

export function peopleAgreement({ models }: RatedScores): PeopleAgreement {
  const entries = Object.entries(models);
  const asTheyAre = entries.map(([model, rows]) => agreementOf(model, rows, (score) => score));
  const cut = entries.map(([model, rows]) => agreementOf(model, rows, Math.trunc));
  const published = means(cut);
  return {
    models: asTheyAre,
    mean: means(asTheyAre),
    published,
    printed: byAspect((aspect) => Math.tanh(published[aspect])),
    fractions: entries
      .flatMap(([, rows]) => rows.flatMap(({ sc, pq }) => [...sc, ...pq]))
      .filter((score) => !Number.isInteger(score)).length,
  };
}

function agreementOf(model: string, rows: readonly Rated[], read: (score: number) => number): ModelAgreement {
  const judged = rows.map(({ sc, pq }) => overall(Math.min(...sc.map(read)), Math.min(...pq.map(read))));
  const rated = rows.map(({ human }) => ({
    SC: mean(human.map(([sc]) => sc)),
    PQ: mean(human.map(([, pq]) => pq)),
    O: mean(human.map(([sc, pq]) => Math.sqrt(sc * pq))),
  }));
  const rhoOf = (aspect: Aspect): number | undefined =>
    spearman(
      judged.map((scores) => scores[aspect]),
      rated.map((ratings) => ratings[aspect]),
    );
  return {
    model,
    count: rows.length,
    meanO: mean(judged.map(({ O }) => O)),
    rho: byAspect(rhoOf),
  };
}

function overall(sc: number, pq: number): Record<Aspect, number> {
  return { SC: sc, PQ: pq, O: Math.sqrt(sc * pq) };
}

/** Over the models of which something can be said; NaN where there is none. */
function means(models: readonly ModelAgreement[]): Record<Aspect, number> {
  return byAspect((aspect) => {
    const known = models.map(({ rho }) => rho[aspect]).filter((rho) => rho !== undefined);
    return known.length === 0 ? Number.NaN : mean(known);
  });
}

function byAspect<Value>(of: (aspect: Aspect) => Value): Record<Aspect, Value> {
  return { SC: of("SC"), PQ: of("PQ"), O: of("O") };
}
