/** The program as a person meets it: as a child process, with exit codes and messages. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { beforeAll, describe, expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const TSX = import.meta.resolve("tsx");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "earl-cli-"));
});

function earl(...words: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", TSX, MAIN, ...words], {
    cwd: folder,
    encoding: "utf8",
  });
  return { code: status, out: stdout, err: stderr };
}

describe("earl", () => {
  test("suggests the command that was meant", () => {
    const { code, err } = earl("dta");
    expect(err).toContain("Did you mean data?");
    expect(code).toBe(2);
  });

  test("suggests the flag that was meant", () => {
    const { code, err } = earl("data", "scenes", "--ot", "x");
    expect(err).toContain("Did you mean --out?");
    expect(code).toBe(2);
  });

  test("names a flag that must be given", () => {
    const { code, err } = earl("data", "scenes");
    expect(err).toContain("--out DIR is missing.");
    expect(code).toBe(2);
  });

  test("refuses a value out of range", () => {
    const { code, err } = earl("data", "scenes", "--out", "x", "--imperfect", "3");
    expect(err).toContain("It must be a number between 0 and 1.");
    expect(code).toBe(2);
    expect(existsSync(join(folder, "x"))).toBe(false);
  });

  test("shows every fault of a config and exits 2, without a stack", () => {
    writeFileSync(
      join(folder, "bad.yaml"),
      "name: trial\nalgoritm: sft\ndata:\n  directory: d\nseed: many\n",
    );
    const { code, out, err } = earl("config", "check", "bad.yaml", "--set", "grpo.steps=-1");
    expect(err).toContain("bad.yaml:2 algoritm: is not a setting; did you mean algorithm?");
    expect(err).toContain("bad.yaml:5 seed: must be a number");
    expect(err).toContain("--set grpo.steps: must be at least 0, not -1");
    expect(err).not.toContain("    at ");
    expect([code, out]).toEqual([2, ""]);
  });

  test("prints a resolved config that it reads back", () => {
    writeFileSync(join(folder, "good.yaml"), "name: trial\nalgorithm: sft\ndata:\n  directory: d\n");
    const { code, out } = earl("config", "print", "good.yaml", "--set", "seed=4");
    expect(code).toBe(0);
    writeFileSync(join(folder, "resolved.yaml"), out);
    expect(earl("config", "print", "resolved.yaml").out).toBe(out);
    expect(out).toContain("seed: 4");
  });

  test("writes scenes, says where, and does not write over them", () => {
    const words = ["data", "scenes", "--out", "d", "--train", "20", "--validation", "5", "--test", "5"];
    const { code, out, err } = earl(...words, "--imperfect", "0.5");
    expect([code, out]).toEqual([0, "d\n"]);
    expect(err).toContain("10 of the training targets wrong on purpose");
    expect(earl(...words)).toMatchObject({ code: 2, err: expect.stringContaining("--force") as string });
  });

  test("finds this machine fit", () => {
    const { code, out } = earl("doctor");
    expect(out).toContain("onnxruntime  multiplies a matrix");
    expect(code).toBe(0);
  });
});
