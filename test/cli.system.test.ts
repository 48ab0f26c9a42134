/** The program as a person meets it: exit codes and messages. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { earl, earlCommand } from "./run-earl.ts";

const before = process.cwd();

beforeAll(() => process.chdir(mkdtempSync(join(tmpdir(), "earl-cli-"))));
afterAll(() => process.chdir(before));

describe("earl", () => {
  test("suggests the command that was meant", async () => {
    const { code, err } = await earl("dta");
    expect(err).toContain("Did you mean data?");
    expect(code).toBe(2);
  });

  test("suggests the flag that was meant", async () => {
    const { code, err } = await earl("data", "scenes", "--ot", "x");
    expect(err).toContain("Did you mean --out?");
    expect(code).toBe(2);
  });

  test("names a flag that must be given", async () => {
    const { code, err } = await earl("data", "scenes");
    expect(err).toContain("--out DIR is missing.");
    expect(code).toBe(2);
  });

  test("refuses a value out of range", async () => {
    const { code, err } = await earl("data", "scenes", "--out", "x", "--imperfect", "3");
    expect(err).toContain("It must be a number between 0 and 1.");
    expect(code).toBe(2);
    expect(existsSync("x")).toBe(false);
  });

  test.each<[string, string[]]>([
    ["--checkpoint", ["edit", "picture.png", "Make it red", "--out", "x", "--checkpoint", ""]],
    ["--tokenizer", ["edit", "picture.png", "Make it red", "--out", "x", "--tokenizer", " "]],
    ["--out", ["edit", "picture.png", "Make it red", "--checkpoint", "c", "--out", ""]],
    ["image", ["edit", "", "Make it red", "--checkpoint", "c", "--out", "x"]],
    ["--data", ["evaluate", "c", "--data", ""]],
    ["checkpoint", ["evaluate", "", "--data", "d"]],
    ["--out", ["evaluate", "c", "--data", "d", "--out", ""]],
    ["--out", ["data", "scenes", "--out", ""]],
    ["--out", ["report", "runs/demo", "--out", ""]],
    ["run", ["report", "runs/demo", ""]],
    ["folder", ["ls", ""]],
    ["config", ["train", ""]],
    ["config", ["config", "check", ""]],
    ["--out", ["config", "docs", "--out", ""]],
    ["dir", ["model", "info", ""]],
    ["adapter", ["model", "merge", "b", "", "--out", "x"]],
    ["path", ["verify", ""]],
  ])("refuses an empty %s: earl %j", async (name, words) => {
    const { code, err } = await earl(...words);
    expect(err).toContain("It must be a path, not empty.");
    expect(err).toContain(name);
    expect(code).toBe(2);
  });

  test.each<[string, string[]]>([
    ["-n", ["edit", "p.png", "Make it red", "-n", "1000000000"]],
    ["--area", ["edit", "p.png", "Make it red", "--area", "1000000000000"]],
    ["--grid", ["edit", "p.png", "Make it red", "--grid", "10000x1"]],
    ["--seed", ["edit", "p.png", "Make it red", "--seed", "99999999999999999999"]],
    ["--max-tokens", ["evaluate", "c", "--max-tokens", "1e9"]],
    ["--max-tokens", ["evaluate", "c", "--max-tokens", "1000000000"]],
    ["--train", ["data", "scenes", "--train", "1000000000"]],
    ["--cells", ["data", "scenes", "--cells", "1000"]],
    ["--tokens", ["model", "info", "d", "--tokens", "1000000000000"]],
    ["--lora-rank", ["model", "info", "d", "--lora-rank", "1000000000"]],
  ])("refuses a %s beyond all bounds: earl %j", async (name, words) => {
    const { code, err } = await earl(...words);
    expect(err).toContain(name);
    expect(err).toContain("It must be");
    expect(code).toBe(2);
  });

  test.each(["/dev/null", "/proc/x", "occupied", "occupied/below", "dangling"])(
    "tries --out %s before the work, in every command that has one",
    async (out) => {
      writeFileSync("occupied", "somebody's");
      rmSync("dangling", { force: true });
      symlinkSync("nowhere/at/all", "dangling");
      for (const words of [
        ["edit", "not-there.png", "Make it red", "--checkpoint", "not-there"],
        ["evaluate", "not-there", "--data", "not-there"],
        ["data", "scenes"],
        ["model", "merge", "not-there", "not-there"],
        ["config", "docs"],
      ]) {
        // A file is what evaluate is to write; of the others' names none may be one.
        const place = words[0] === "evaluate" && out === "occupied" ? "occupied/file" : out;
        const { code, err } = await earl(...words, "--out", place);
        expect(err, words[0]).toMatch(/Cannot write|is a file, not a folder|is a link to|exists already/);
        expect(code).toBe(2);
      }
      expect(readFileSync("occupied", "utf8")).toBe("somebody's");
    },
  );

  test("shows every fault of a config and exits 2, without a stack", async () => {
    writeFileSync("bad.yaml", "name: trial\nalgoritm: sft\ndata:\n  directory: d\nseed: many\n");
    const { code, out, err } = await earl("config", "check", "bad.yaml", "--set", "grpo.steps=-1");
    expect(err).toContain("bad.yaml:2 algoritm: is not a setting; did you mean algorithm?");
    expect(err).toContain("bad.yaml:5 seed: must be a number");
    expect(err).toContain("--set grpo.steps: must be at least 0, not -1");
    expect(err).not.toContain("    at ");
    expect([code, out]).toEqual([2, ""]);
  });

  test("prints a resolved config that it reads back", async () => {
    writeFileSync("good.yaml", "name: trial\nalgorithm: sft\ndata:\n  directory: d\n");
    const { code, out } = await earl("config", "print", "good.yaml", "--set", "seed=4");
    expect(code).toBe(0);
    writeFileSync("resolved.yaml", out);
    expect((await earl("config", "print", "resolved.yaml")).out).toBe(out);
    expect(out).toContain("seed: 4");
  });

  test("writes scenes, says where, and does not write over them", async () => {
    const words = ["data", "scenes", "--out", "d", "--train", "20", "--validation", "5", "--test", "5"];
    const { code, out, err } = await earl(...words, "--imperfect", "0.5");
    expect([code, out]).toEqual([0, "d\n"]);
    expect(err).toContain("10 of the training targets wrong on purpose");
    expect(await earl(...words)).toMatchObject({
      code: 2,
      err: expect.stringContaining("--force") as string,
    });
  });

  test("finds this machine fit", async () => {
    const { code, out } = await earl("doctor");
    expect(out).toContain("onnxruntime  multiplies a matrix");
    expect(code).toBe(0);
  });

  test.skipIf(!existsSync("/dev/full"))("says that its results do not fit where they should go", () => {
    const [program, words] = earlCommand("config", "docs");
    const shell = `exec "$@" > /dev/full`;
    const { status, stderr } = spawnSync("bash", ["-c", shell, "-", program, ...words], { encoding: "utf8" });
    expect(stderr).toMatch(/^The results cannot be written to standard output: ENOSPC.*\n$/);
    expect(status).toBe(2);
  });

  test("runs as a process of its own, with its exit code and without a stack", () => {
    const [program, words] = earlCommand("ls", "--al");
    const { status, stderr } = spawnSync(program, words, { encoding: "utf8" });
    expect(stderr).toContain("unknown option '--al'");
    expect(stderr).not.toContain("    at ");
    expect(status).toBe(2);
  });
});
