import { describe, expect, test } from "vitest";
import type { JudgeCall } from "./judge-call.ts";
import { tallyCalls } from "./call-tally.ts";

function call(own: Partial<JudgeCall>): JudgeCall {
  const attempts = [{ endpoint: "http://a", status: "answered" as const, seconds: 1 }];
  const usage = { inputTokens: 1000, outputTokens: 100 };
  return { question: "sc", kind: "answered", isCached: false, seconds: 1, attempts, usage, ...own };
}

describe("tallyCalls", () => {
  test("counts verdicts by kind, requests by status, tokens and what they cost", () => {
    const tally = tallyCalls(
      [
        call({ seconds: 1 }),
        call({ seconds: 3 }),
        call({ isCached: true, seconds: 0, attempts: [], usage: { inputTokens: 0, outputTokens: 0 } }),
        call({
          kind: "unparsable",
          reason: "no scores",
          seconds: 60,
          attempts: [
            { endpoint: "http://a", status: "server-error", seconds: 1 },
            { endpoint: "http://a", status: "unparsable", seconds: 1 },
          ],
        }),
        call({ kind: "unparsable", reason: "another", attempts: [] }),
        call({ kind: "unreachable", reason: "down", attempts: [] }),
      ],
      { input: 2, output: 10 },
    );
    expect(tally).toEqual({
      calls: 6,
      cached: 1,
      unparsable: 2,
      unreachable: 1,
      attempts: { answered: 2, "server-error": 1, unparsable: 1 },
      latency: { p50: 2, p95: 2.9, p99: 2.98 },
      usage: { inputTokens: 5000, outputTokens: 500 },
      cost: (5000 * 2 + 500 * 10) / 1_000_000,
      reasons: { unparsable: "no scores", unreachable: "down" },
    });
  });
  test("of nothing has no latency", () => {
    expect(tallyCalls([])).toMatchObject({ calls: 0, latency: undefined, cost: 0, reasons: {} });
  });
});
