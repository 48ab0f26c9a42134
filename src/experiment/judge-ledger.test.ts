import { expect, test } from "vitest";

import type { JudgeCall } from "../judge/judge-call.ts";
import { JudgeLedger, pricesOf } from "./judge-ledger.ts";

const call = (own: Partial<JudgeCall> = {}): JudgeCall => ({
  question: "sc",
  kind: "answered",
  isCached: false,
  seconds: 2,
  attempts: [],
  usage: { inputTokens: 1000, outputTokens: 10 },
  ...own,
});

test("figures are of the calls since the last time", () => {
  const ledger = new JudgeLedger(new Map());
  expect(ledger.take()).toEqual({});
  ledger.add("viescore", call());
  ledger.add("viescore", call({ isCached: true, usage: { inputTokens: 0, outputTokens: 0 } }));
  expect(ledger.take()).toEqual({
    "judge/calls/asked": 2,
    "judge/calls/cached": 1,
    "judge/calls/requests": 0,
    "judge/calls/input_tokens": 1000,
    "judge/calls/output_tokens": 10,
    "time/judge_p50": 2,
    "time/judge_p95": 2,
    "time/judge_p99": 2,
  });
  expect(ledger.take()).toEqual({});
});

test("each reward has its own prices, parts of others too", () => {
  const prices = pricesOf([
    { kind: "viescore", prices: { input: 2, output: 100 } },
    { kind: "reference" },
    { kind: "sum", parts: [{ kind: "viescore", name: "second", prices: { input: 1, output: 0 } }] },
    { kind: "ground-score", prices: { input: 0, output: 0 } },
  ]);
  expect([...prices.keys()]).toEqual(["viescore", "second"]);
  const ledger = new JudgeLedger(prices);
  ledger.add("viescore", call());
  ledger.add("second", call());
  ledger.add("reference", call());
  expect(ledger.take()["judge/calls/cost"]).toBeCloseTo((2000 + 1000 + 1000) / 1e6, 12);
});
