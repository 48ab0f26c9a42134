import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { beforeEach, describe, expect, test } from "vitest";

import { earl } from "../../test/run-earl.ts";

let runs: string;
beforeEach(() => {
  runs = mkdtempSync(join(tmpdir(), "earl-ls-"));
});

function writeRun(name: string, events: readonly object[], config = ""): void {
  mkdirSync(join(runs, name));
  writeFileSync(
    join(runs, name, "events.jsonl"),
    events.map((event) => `${JSON.stringify({ v: 1, attempt: 0, time: 0, ...event })}\n`).join(""),
  );
  if (config !== "") writeFileSync(join(runs, name, "config.yaml"), config);
}

const step = (number: number, reward?: number): object => ({
  kind: "step-end",
  stage: "grpo",
  step: number,
  metrics: reward === undefined ? {} : { reward },
});

describe("earl ls", () => {
  test("says of each run how far it is", async () => {
    const start = { kind: "run-start", name: "a", seed: 0 };
    const config = "grpo: { steps: 9 }";
    writeRun("begun", [start, { kind: "stage-start", stage: "sft", steps: 7 }]);
    writeRun(
      "stopped",
      [start, { kind: "stage-start", stage: "grpo", steps: 5 }, step(1, 2), step(2, 3.5)],
      config,
    );
    writeRun(
      "whole",
      [
        start,
        step(9, 4),
        { kind: "stage-end", stage: "grpo", step: 9, reason: "finished" },
        { kind: "run-end" },
      ],
      config,
    );
    const { code, out } = await earl("ls", runs);
    expect(code).toBe(0);
    expect(
      out
        .split("\n")
        .slice(2, 5)
        .map((row) => row.split(/\s+/).slice(0, -2)),
    ).toEqual([
      ["begun", "stopped", "sft", "0/7"],
      ["stopped", "stopped", "grpo", "2/9", "3.50"],
      ["whole", "finished", "grpo", "9/9", "4.00"],
    ]);
  });

  test("says which runs are damaged, and which a newer earl wrote", async () => {
    writeRun("future", [{ kind: "dream", v: 7 }]);
    writeRun("torn", [{ kind: "dream" }]);
    const { out } = await earl("ls", runs);
    expect(out).toMatch(/future\s+newer earl/);
    expect(out).toMatch(/torn\s+damaged/);
  });

  test("reads the end of the events alone", async () => {
    writeRun("long", [{ kind: "damaged long ago" }, ...Array.from({ length: 2000 }, () => step(3, 1))]);
    expect((await earl("ls", runs)).out).toMatch(/long\s+stopped\s+grpo\s+3/);
  });

  test("refuses a file with a word, not a stack", async () => {
    const file = join(runs, "file");
    writeFileSync(file, "");
    const { code, err } = await earl("ls", file);
    expect(code).toBe(2);
    expect(err).toContain("is a file, not a folder of runs.");
  });

  test("escapes control characters of a run's name", async () => {
    writeRun("a\u001b[2Jb", []);
    expect((await earl("ls", runs)).out).toContain("a\\u{1b}[2Jb");
  });
});
