import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { beforeEach, expect, test } from "vitest";

import { readEvents } from "./event-log.ts";
import { eventsBackwards } from "./events-backwards.ts";

let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), "earl-backwards-")), "events.jsonl");
});

const line = (step: number): string =>
  `${JSON.stringify({ kind: "step-end", v: 1, attempt: 0, stage: "sft", step, metrics: { loss: step }, time: step })}\n`;

test("gives what readEvents gives, the other way round, over many chunks", () => {
  const lines = Array.from({ length: 2000 }, (_, step) => line(step));
  writeFileSync(path, lines.join(""));
  expect([...eventsBackwards(path)]).toEqual(readEvents(path).toReversed());
});

test("skips a torn last line, and a file that is nothing but one", () => {
  writeFileSync(path, `${line(1)}${line(2)}{"kind":"step-e`);
  expect([...eventsBackwards(path)].map(({ time }) => time)).toEqual([2, 1]);
  writeFileSync(path, '{"kind":"run-st');
  expect([...eventsBackwards(path)]).toEqual([]);
  writeFileSync(path, "");
  expect([...eventsBackwards(path)]).toEqual([]);
});

test("does not read what nobody asks for", () => {
  writeFileSync(path, `not an event\n${line(1).repeat(1000)}`);
  const [last] = eventsBackwards(path);
  expect(last).toMatchObject({ step: 1 });
});

test("names a damaged line", () => {
  writeFileSync(path, `{"kind":\n${line(1)}`);
  expect(() => [...eventsBackwards(path)]).toThrow(`${path} is not an event.`);
});
