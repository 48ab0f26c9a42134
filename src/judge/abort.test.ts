import { describe, expect, test } from "vitest";
import { onAbort, reasonOf } from "./abort.ts";
import { sleep, systemTimers } from "./timers.ts";

describe("onAbort", () => {
  test("calls whoever still listens, each once, without a warning at the eleventh", async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error): number => warnings.push(warning);
    process.on("warning", warn);
    const controller = new AbortController();
    const called: number[] = [];
    const forget = Array.from({ length: 50 }, (_, index) =>
      onAbort(controller.signal, () => called.push(index)),
    );
    forget[7]!();
    controller.abort();
    await new Promise((resolve) => setTimeout(resolve, 10));
    process.off("warning", warn);
    expect(called).toEqual(Array.from({ length: 50 }, (_, index) => index).filter((index) => index !== 7));
    expect(warnings).toEqual([]);
  });
  test("tens of thousands may come and go", () => {
    const controller = new AbortController();
    const begun = process.cpuUsage();
    const forget = Array.from({ length: 100_000 }, () => onAbort(controller.signal, () => undefined));
    for (const one of forget) one();
    // Going through all of them each time would take minutes.
    expect(process.cpuUsage(begun).user / 1e6).toBeLessThan(2);
  });
});

describe("sleep", () => {
  test("ends with the signal's reason, before its time, also where that came first", async () => {
    const controller = new AbortController();
    const asleep = sleep(systemTimers, 60_000, controller.signal);
    controller.abort(new Error("stop"));
    await expect(asleep).rejects.toThrow("stop");
    await expect(sleep(systemTimers, 60_000, controller.signal)).rejects.toThrow("stop");
    await expect(sleep(systemTimers, 60_000, AbortSignal.abort("a text"))).rejects.toThrow("a text");
  });
});

describe("reasonOf", () => {
  test("is the reason itself where that can be thrown", () => {
    const reason = new Error("stop");
    expect(reasonOf(AbortSignal.abort(reason))).toBe(reason);
  });
});
