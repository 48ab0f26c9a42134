import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { DataError } from "../errors.ts";
import { systemClock } from "../runs/clock.ts";
import { checkConfig, documentConfig, printConfig } from "./config.ts";

const folder = (): string => mkdtempSync(join(tmpdir(), "earl-config-command-"));

/** What the action prints. */
function printed(action: (surroundings: Parameters<typeof documentConfig>[1]) => void): string {
  let text = "";
  const stdout = { write: (part: string) => (text += part) } as unknown as NodeJS.WriteStream;
  action({ stdout, stderr: stdout, clock: systemClock, isLive: false, commandLine: "earl" });
  return text;
}

describe("earl config docs --out", () => {
  test("writes three files, again over its own", () => {
    const out = join(folder(), "a", "b");
    printed((surroundings) => documentConfig(out, surroundings));
    writeFileSync(join(out, "config.md"), `${readFileSync(join(out, "config.md"), "utf8")}\nan old line\n`);
    printed((surroundings) => documentConfig(out, surroundings));
    expect(readdirSync(out).toSorted()).toEqual(["config.md", "config.schema.json", "metrics.md"]);
    expect(readFileSync(join(out, "config.md"), "utf8")).not.toContain("an old line");
  });

  test.each(["config.md", "config.schema.json", "metrics.md"])("leaves somebody's own %s alone", (name) => {
    const out = folder();
    writeFileSync(join(out, name), "mine\n");
    const attempt = (): string => printed((surroundings) => documentConfig(out, surroundings));
    expect(attempt).toThrow(DataError);
    expect(attempt).toThrow(`${name} is a file of yours`);
    expect(readdirSync(out)).toEqual([name]);
    expect(readFileSync(join(out, name), "utf8")).toBe("mine\n");
  });

  test("says at once where no folder can be made", () => {
    const attempt = (): string => printed((surroundings) => documentConfig("/proc/x", surroundings));
    expect(attempt).toThrow("Cannot write /proc/x");
  });
});

test("earl config print prints what it reads back as the same, choices and lists too", () => {
  const file = join(folder(), "config.yaml");
  const set = ["rewards=[{kind: sum, parts: [{kind: reference, weight: 2}]}]", "engine.threads=1"];
  writeFileSync(file, "name: trial\nalgorithm: sft\ndata: { directory: scenes }\n");
  const whole = printed((surroundings) => printConfig(file, set, surroundings));
  expect(whole).toContain("kind: omniedit");
  writeFileSync(file, whole);
  expect(printed((surroundings) => printConfig(file, [], surroundings))).toBe(whole);
  expect(printed((surroundings) => checkConfig(file, [], surroundings))).toContain("is sound: run trial");
});
