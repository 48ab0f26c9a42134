import { describe, expect, test } from "vitest";
import { NO_USAGE, type Outcome } from "./attempt.ts";
import { outageLines, OutageWatch, type Outage } from "./outage.ts";

const ANSWERED: Outcome<unknown> = { status: "answered", answer: 1, usage: NO_USAGE };
const FAILED: Outcome<unknown> = { status: "server-error", reason: "HTTP 500: no memory", http: 500 };
const REJECTED: Outcome<unknown> = { status: "rejected", reason: "HTTP 400: what?", http: 400 };

function watched(): { readonly heard: (Outage | undefined)[]; readonly watch: OutageWatch } {
  const heard: (Outage | undefined)[] = [];
  return { heard, watch: new OutageWatch((outage) => heard.push(outage)) };
}

describe("OutageWatch", () => {
  test("tells of an outage from the fifth fault in a row on, with the time since the first, and of its end once", () => {
    const { heard, watch } = watched();
    for (const at of [10, 11, 12, 13, 17, 20]) watch.heard(FAILED, "http://a", at);
    const reason = "HTTP 500: no memory (http://a)";
    expect(heard).toEqual([
      { seconds: 7, faults: 5, reason },
      { seconds: 10, faults: 6, reason },
    ]);
    watch.heard(ANSWERED, "http://a", 21);
    watch.heard(ANSWERED, "http://a", 22);
    expect(heard.slice(2)).toEqual([undefined]);
  });
  test.each([ANSWERED, REJECTED])("faults with an answer between them are none: $status", (between) => {
    const { heard, watch } = watched();
    for (let round = 0; round < 5; round += 1) {
      for (let fault = 0; fault < 4; fault += 1) watch.heard(FAILED, "http://a", round);
      watch.heard(between, "http://b", round);
    }
    expect(heard).toEqual([]);
  });
});

describe("outageLines", () => {
  test("says it at once, then every half minute, and when it is over", () => {
    const lines: string[] = [];
    const listener = outageLines((line) => lines.push(line), "Wait.");
    const tell = (seconds: number, faults: number): void => listener({ seconds, faults, reason: "HTTP 500" });
    tell(0.2, 5);
    tell(5, 6);
    tell(31, 9);
    tell(60, 10);
    tell(62, 11);
    listener(undefined);
    listener(undefined);
    expect(lines).toEqual([
      "The judge has answered nobody: 5 requests failed, the last one with HTTP 500. Wait.",
      "The judge has answered nobody for 31 s: 9 requests failed, the last one with HTTP 500. Wait.",
      "The judge has answered nobody for 1 min 02 s: 11 requests failed, the last one with HTTP 500. Wait.",
      "The judge answers again.",
    ]);
  });
});
