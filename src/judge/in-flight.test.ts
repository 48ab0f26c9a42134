import { describe, expect, test } from "vitest";
import { InFlight } from "./in-flight.ts";

const forever = new AbortController().signal;

/** A start that is answered from outside, and counts. */
function held() {
  const calls: {
    readonly signal: AbortSignal;
    readonly answer: (value: string) => void;
    readonly fail: (error: Error) => void;
  }[] = [];
  const start = (signal: AbortSignal): Promise<string> =>
    new Promise((answer, fail) => {
      calls.push({ signal, answer, fail });
      signal.addEventListener("abort", () => fail(new Error("called off")));
    });
  return { calls, start };
}

describe("InFlight", () => {
  test("asks once for all who ask before the answer, and again after it", async () => {
    const { calls, start } = held();
    const flight = new InFlight();
    const asked = [1, 2, 3].map(() => flight.share("a", forever, start));
    const other = flight.share("b", forever, start);
    calls[0]!.answer("yes");
    calls[1]!.answer("other");
    expect(await Promise.all([...asked, other])).toEqual(["yes", "yes", "yes", "other"]);
    const again = flight.share("a", forever, start);
    calls[2]!.answer("anew");
    expect(await again).toBe("anew");
    expect(calls).toHaveLength(3);
  });
  test("goes on while anybody waits, and is called off when the last one leaves", async () => {
    const { calls, start } = held();
    const flight = new InFlight();
    const [one, other] = [new AbortController(), new AbortController()];
    const asked = [one, other].map(({ signal }) => flight.share("a", signal, start));
    const outcomes = Promise.allSettled(asked);
    one.abort(new Error("one"));
    expect(calls[0]!.signal.aborted).toBe(false);
    other.abort(new Error("other"));
    expect(calls[0]!.signal.aborted).toBe(true);
    expect((await outcomes).map((outcome) => (outcome as PromiseRejectedResult).reason)).toEqual([
      new Error("one"),
      new Error("other"),
    ]);
    // Whoever comes after gets a call of its own.
    const fresh = flight.share("a", forever, start);
    calls[1]!.answer("fresh");
    expect(await fresh).toBe("fresh");
  });
  test("a failure reaches everybody and is not kept", async () => {
    const { calls, start } = held();
    const flight = new InFlight();
    const asked = Promise.allSettled([1, 2].map(() => flight.share("a", forever, start)));
    calls[0]!.fail(new Error("down"));
    expect((await asked).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    const again = flight.share("a", forever, start);
    calls[1]!.answer("up");
    expect(await again).toBe("up");
  });
});
