import { appendFileSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { beforeEach, describe, expect, test } from "vitest";

import { DataError } from "../errors.ts";
import { comparableEvents, EventLog, readEvents } from "./event-log.ts";

let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), "earl-events-")), "events.jsonl");
});

describe("EventLog", () => {
  test("appends a line an event and knows its length, also when opened again", () => {
    {
      using log = new EventLog(path);
      log.append({ kind: "run-start", v: 1, attempt: 0, name: "größe", seed: 1, time: 5 });
    }
    using log = new EventLog(path);
    expect(log.bytes).toBe(readFileSync(path).length);
    log.append({ kind: "run-end", v: 1, attempt: 0, time: 6 });
    expect(readEvents(path).map(({ kind }) => kind)).toEqual(["run-start", "run-end"]);
    expect(log.bytes).toBe(readFileSync(path).length);
  });

  test("takes lines back", () => {
    using log = new EventLog(path);
    log.append({ kind: "run-start", v: 1, attempt: 0, name: "a", seed: 1, time: 5 });
    const before = log.bytes;
    log.append({ kind: "run-end", v: 1, attempt: 0, time: 6 });
    log.truncate(before);
    log.append({ kind: "run-end", v: 1, attempt: 0, time: 7 });
    expect(readEvents(path).map(({ time }) => time)).toEqual([5, 7]);
  });
});

describe("an EventLog on a full disk", () => {
  test.skipIf(!existsSync("/dev/full"))("says so and what to do", () => {
    using log = new EventLog("/dev/full");
    expect(() => log.append({ kind: "run-end", v: 1, attempt: 0, time: 1 })).toThrow(
      "Cannot write /dev/full: the disk is full.",
    );
  });
});

describe("readEvents", () => {
  test("skips the torn last line of a killed process", () => {
    writeFileSync(path, '{"kind":"run-end","time":1}\n{"kind":"run-e');
    expect(readEvents(path)).toEqual([{ kind: "run-end", v: 0, attempt: 0, time: 1 }]);
  });

  test("names the line that is damaged", () => {
    writeFileSync(path, '{"kind":"run-end","time":1}\n{"kind":\n{"kind":"run-end","time":1}\n');
    expect(() => readEvents(path)).toThrow(`${path}:2 is not an event.`);
  });

  test("tells an event of a newer earl from a damaged one", () => {
    writeFileSync(path, '{"kind":"dream","v":99,"attempt":0,"time":1}\n');
    expect(() => readEvents(path)).toThrow(`${path}:1 was written by a newer earl (events of version 99).`);
    writeFileSync(path, '{"kind":"dream","v":1,"attempt":0,"time":1}\n');
    expect(() => readEvents(path)).toThrow(`${path}:1 is not an event.`);
  });

  test("refuses an event whose fields are damaged", () => {
    writeFileSync(path, '{"kind":"stage-start","v":1,"attempt":0,"stage":"sft","steps":"x","time":1}\n');
    expect(() => readEvents(path)).toThrow(`${path}:1 is not an event.`);
  });

  test("reads a metric that was no number as absent", () => {
    writeFileSync(
      path,
      '{"kind":"step-end","stage":"sft","step":1,"metrics":{"loss":null,"grad_norm":2},"time":1}\n',
    );
    expect(readEvents(path)).toMatchObject([{ metrics: { grad_norm: 2 } }]);
    expect(readEvents(path)).not.toMatchObject([{ metrics: { loss: expect.anything() } }]);
  });

  test("refuses a file that is not there", () => {
    expect(() => readEvents("no/events.jsonl")).toThrow(DataError);
  });
});

describe("comparableEvents", () => {
  test("leaves out kinds that depend on speed and interruptions", () => {
    using log = new EventLog(path);
    log.append({ kind: "run-start", v: 1, attempt: 0, name: "a", seed: 1, id: "x", time: 5 });
    log.append({ kind: "run-resumed", v: 1, attempt: 1, time: 6 });
    log.append({ kind: "run-end", v: 1, attempt: 1, time: 7 });
    expect(comparableEvents(path)).toEqual([{ kind: "run-start", name: "a", seed: 1 }, { kind: "run-end" }]);
  });

  test("leaves out what the wall clock decides and nothing else", () => {
    const step = {
      kind: "step-end",
      v: 1,
      attempt: 0,
      stage: "sft",
      step: 1,
      metrics: { loss: 2, "time/step": 0.1 },
      time: 9,
    };
    appendFileSync(path, `${JSON.stringify(step)}\n`);
    expect(comparableEvents(path)).toEqual([
      { kind: "step-end", stage: "sft", step: 1, metrics: { loss: 2 } },
    ]);
  });
});
