import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { beforeEach, describe, expect, test } from "vitest";

import { followEvents, type FollowOptions } from "./follow-events.ts";

let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), "earl-follow-")), "events.jsonl");
});

const line = (step: number, attempt = 0): string =>
  `${JSON.stringify({ kind: "step-end", v: 1, attempt, stage: "sft", step, metrics: {}, time: 100 * attempt + step })}\n`;

/** Follows in the background: `seen` holds the times of the events that stand, "cut" where they were declared void. */
function follow(options: FollowOptions = {}): {
  seen: (number | "cut")[];
  until: (length: number) => Promise<void>;
  stop: () => Promise<void>;
} {
  const controller = new AbortController();
  const seen: (number | "cut")[] = [];
  const done = (async () => {
    const more = { signal: controller.signal, pollMs: 1, onCut: () => seen.push("cut"), ...options };
    for await (const { time } of followEvents(path, more)) seen.push(time);
  })();
  const stop = async (): Promise<void> => {
    controller.abort();
    await done;
  };
  return { seen, until: (length) => expect.poll(() => seen.length).toBe(length), stop };
}

describe("followEvents", () => {
  test("reads a finished file to its end", async () => {
    writeFileSync(path, line(1) + line(2) + '{"kind":"torn');
    const times = [];
    for await (const { time } of followEvents(path)) times.push(time);
    expect(times).toEqual([1, 2]);
  });

  test("waits for a file that is not there, and for the end of a line", async () => {
    const { seen, until, stop } = follow();
    writeFileSync(path, line(1));
    await until(1);
    appendFileSync(path, line(2).slice(0, 20));
    appendFileSync(path, line(2).slice(20) + line(3));
    await until(3);
    await stop();
    expect(seen).toEqual([1, 2, 3]);
  });

  test("gives what was written before it was told to stop", async () => {
    const { seen, until, stop } = follow({ pollMs: 60_000 });
    writeFileSync(path, line(1));
    await stop();
    expect(seen).toEqual([1]);
    await until(1);
  });

  test("says that the file was cut back, also when it is longer again", async () => {
    writeFileSync(path, line(1) + line(2) + line(3));
    const { seen, until, stop } = follow();
    await until(3);
    truncateSync(path, line(1).length);
    appendFileSync(path, [2, 3, 4, 5].map((step) => line(step, 1)).join(""));
    await until(9);
    await stop();
    expect(seen).toEqual([1, 2, 3, "cut", 1, 102, 103, 104, 105]);
  });

  test("says that the file was cut back to nothing, or taken away", async () => {
    writeFileSync(path, line(1));
    const { seen, until, stop } = follow();
    await until(1);
    truncateSync(path, 0);
    await until(2);
    writeFileSync(path, line(1));
    await until(3);
    rmSync(path);
    writeFileSync(path, line(1, 1));
    await until(5);
    await stop();
    expect(seen).toEqual([1, "cut", 1, "cut", 101]);
  });

  test("begins again where the file is cut back while it is read", async () => {
    const many = Array.from({ length: 20_000 }, (_, step) => line(step)).join("");
    writeFileSync(path, many);
    let seen: number[] = [];
    const controller = new AbortController();
    for await (const { time } of followEvents(path, {
      signal: controller.signal,
      pollMs: 1,
      onCut: () => (seen = []),
    })) {
      seen.push(time);
      if (seen.length === 10 && seen[9] === 9)
        writeFileSync(path, Array.from({ length: 20_000 }, (_, step) => line(step, 1)).join(""));
      if (time === 100 + 19_999) controller.abort();
    }
    expect(seen).toEqual(Array.from({ length: 20_000 }, (_, step) => 100 + step));
  });

  test("throws for a line that is damaged, and for a file that is not there", async () => {
    await expect(followEvents(path).next()).rejects.toThrow("Cannot read");
    writeFileSync(path, `${line(1)}{"kind":\n`);
    const events = followEvents(path);
    await events.next();
    await expect(events.next()).rejects.toThrow(`${path}:2 is not an event.`);
  });
});
