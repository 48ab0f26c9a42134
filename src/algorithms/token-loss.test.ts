/** The losses as graphs: what does not count changes nothing, whatever numbers stand there. */

import { describe, expect, test } from "vitest";

import { compile } from "../tensor/compile.ts";
import { gradients } from "../tensor/gradient.ts";
import { input } from "../tensor/ops/leaves.ts";
import { Session } from "../tensor/session.ts";
import type { KlEstimator, LossSpec, Surrogate } from "./losses.ts";
import { tokenLoss } from "./token-loss.ts";

interface Token {
  readonly logprobs: number;
  readonly oldLogprobs: number;
  readonly refLogprobs: number;
  readonly advantages: number;
  readonly weights: number;
  readonly completion: number;
}

/** Two completions of two tokens. */
const TOKENS: readonly Token[] = [
  { logprobs: -1.5, oldLogprobs: -1.2, refLogprobs: -1.4, advantages: 1, weights: 0.25, completion: 0 },
  { logprobs: -0.2, oldLogprobs: -0.9, refLogprobs: -0.1, advantages: 1, weights: 0.25, completion: 0 },
  { logprobs: -2.5, oldLogprobs: -2, refLogprobs: -3.1, advantages: -1, weights: 0.25, completion: 1 },
  { logprobs: -0.4, oldLogprobs: -0.6, refLogprobs: -0.3, advantages: -1, weights: 0.25, completion: 1 },
];

/** Padding of an id that cannot be, as a sharp policy sees it, and real tokens of weight 0 that changed beyond measure. */
const UNCOUNTED: readonly Token[] = [
  { logprobs: -1e9, oldLogprobs: 0, refLogprobs: 0, advantages: 0, weights: 0, completion: 0 },
  { logprobs: -120, oldLogprobs: 0, refLogprobs: 0, advantages: 0, weights: 0, completion: 0 },
  { logprobs: -0.01, oldLogprobs: -300, refLogprobs: -1, advantages: 3, weights: 0, completion: 1 },
  { logprobs: -300, oldLogprobs: -0.01, refLogprobs: -0.1, advantages: -3, weights: 0, completion: 1 },
];

async function computed(
  spec: LossSpec,
  tokens: readonly Token[],
): Promise<{ loss: number; kl: number[]; gradient: number[] }> {
  const list = (name: keyof Token): Float32Array => Float32Array.from(tokens, (token) => token[name]);
  const count = [tokens.length];
  const logprobs = input("logprobs", count);
  const { loss, kl } = tokenLoss(spec, {
    logprobs,
    oldLogprobs: input("oldLogprobs", count),
    refLogprobs: input("refLogprobs", count),
    advantages: input("advantages", count),
    weights: input("weights", count),
    counted: input("counted", count),
    completion: input("completion", count, "int64"),
    shares: input("shares", count),
    completions: 2,
  });
  const [gradient] = gradients(loss, [logprobs]);
  await using session = await Session.open(compile({ loss, kl, gradient: gradient! }), { threads: 1 });
  const { loss: value, ...lists } = await session.run({
    logprobs: list("logprobs"),
    oldLogprobs: list("oldLogprobs"),
    refLogprobs: list("refLogprobs"),
    advantages: list("advantages"),
    weights: list("weights"),
    counted: list("weights").map((weight) => (weight === 0 ? 0 : 1)),
    completion: BigInt64Array.from(tokens, (token) => BigInt(token.completion)),
    shares: list("weights").map((weight) => (weight === 0 ? 0 : 0.5)),
  });
  return {
    loss: Number(value![0]),
    kl: Array.from(lists["kl"]!, Number),
    gradient: Array.from(lists["gradient"]!, Number),
  };
}

const SURROGATES: readonly Surrogate[] = [
  { kind: "on-policy" },
  { kind: "clipped", clipLow: 0.2, clipHigh: 0.28 },
  { kind: "sequence-clipped", clipLow: 0.2, clipHigh: 0.28 },
  { kind: "capped-weight", clipHigh: 1 },
];
const ESTIMATORS: readonly KlEstimator[] = ["k1", "k2", "k3"];

describe("tokenLoss", () => {
  test.each(SURROGATES.flatMap((surrogate) => ESTIMATORS.map((estimator) => ({ surrogate, estimator }))))(
    "of $surrogate.kind with $estimator is the same with padding and tokens of weight 0",
    async ({ surrogate, estimator }) => {
      const spec: LossSpec = { surrogate, kl: { estimator, coef: 0.1 }, temperature: 1 };
      const [alone, padded] = [await computed(spec, TOKENS), await computed(spec, [...TOKENS, ...UNCOUNTED])];
      expect(padded.loss).toBeCloseTo(alone.loss, 6);
      expect(padded.kl.slice(4)).toEqual([0, 0, 0, 0].map((zero) => expect.closeTo(zero, 12)));
      for (const [at, value] of padded.gradient.entries())
        expect(value).toBeCloseTo(alone.gradient[at] ?? 0, 6);
    },
  );

  test.each(SURROGATES.filter(({ kind }) => kind !== "capped-weight"))(
    "of $kind has the slope of its own value where importance weights scale the advantages",
    async (surrogate) => {
      const spec: LossSpec = { surrogate, kl: { estimator: "k3", coef: 0.1 }, temperature: 1 };
      const importance = [0.5, 1.5, 2, 0.9];
      const weighed = TOKENS.map((token, at) => ({
        ...token,
        advantages: token.advantages * importance[at]!,
      }));
      const { gradient } = await computed(spec, weighed);
      for (const place of TOKENS.keys()) {
        const moved = (by: number): Token[] =>
          weighed.map((token, at) => (at === place ? { ...token, logprobs: token.logprobs + by } : token));
        const [above, below] = [await computed(spec, moved(1e-2)), await computed(spec, moved(-1e-2))];
        expect(gradient[place]).toBeCloseTo((above.loss - below.loss) / 2e-2, 3);
      }
    },
  );

  test("agrees with the formulas by hand: clipped, with k3", async () => {
    const spec: LossSpec = {
      surrogate: { kind: "clipped", clipLow: 0.2, clipHigh: 0.28 },
      kl: { estimator: "k3", coef: 0.1 },
      temperature: 1,
    };
    const { loss, kl } = await computed(spec, TOKENS);
    const wanted = TOKENS.map(({ logprobs, oldLogprobs, refLogprobs, advantages }) => {
      const ratio = Math.exp(logprobs - oldLogprobs);
      const bounded = Math.min(1.28, Math.max(0.8, ratio));
      const d = refLogprobs - logprobs;
      const k3 = Math.exp(d) - d - 1;
      return { k3, cost: -Math.min(ratio * advantages, bounded * advantages) + 0.1 * k3 };
    });
    expect(loss).toBeCloseTo(
      wanted.reduce((sum, { cost }) => sum + cost / 4, 0),
      6,
    );
    for (const [at, value] of kl.entries()) expect(value).toBeCloseTo(wanted[at]!.k3, 6);
  });
});
