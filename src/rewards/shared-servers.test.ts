import { describe, expect, test } from "vitest";
import { RewardList } from "./open-reward.ts";
import { sharedServerFaults } from "./shared-servers.ts";

const url = "http://judge:8000/v1";

function faultsOf(...rewards: object[]): string[] {
  return sharedServerFaults(RewardList.parse(rewards), "rewards").map(
    ({ key, message }) => `${key}: ${message}`,
  );
}

const asking = (name: string, endpoint: object): object => ({
  kind: "viescore",
  name,
  model: "judge",
  endpoints: [endpoint],
});

describe("rewards that name one server", () => {
  test("may name the same limits, or have keys of their own", () => {
    expect(faultsOf(asking("one", { url }), asking("other", { url: `${url}/` }))).toEqual([]);
    expect(
      faultsOf(asking("one", { url }), asking("other", { url, keyVariable: "OTHER", concurrency: 1 })),
    ).toEqual([]);
  });
  test("must not name different ones, however deep they lie", () => {
    const other = { kind: "product", name: "both", parts: [asking("deep", { url, concurrency: 4 })] };
    expect(faultsOf({ kind: "reference" }, asking("one", { url }), other)).toEqual([
      `rewards.2.parts.0.endpoints.0.concurrency: ${url} is named twice with another concurrency: 32 and 4; a server's limits hold for all who ask it together`,
    ]);
  });
});
