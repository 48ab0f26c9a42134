/** Faults of the input: one clear message, exit code 2, and nothing half-written left behind. */

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { writeScenes } from "../src/data/scenes/write-scenes.ts";
import { encodePng } from "../src/images/png.ts";
import { picture } from "../src/images/picture.ts";
import { earl, earlCommand } from "./run-earl.ts";

const CONFIG = `
name: trial
algorithm: sft
data: { directory: data }
policy: { hiddenSize: 16, layers: 1, heads: 2, keyValueHeads: 1, intermediateSize: 16 }
tokenizer: { textMerges: 0 }
engine: { threads: 1 }
sft: { steps: 2, batchSize: 2, warmupSteps: 1, evaluateEvery: 2, validationSize: 2, saveEvery: 2 }
evaluation: { size: 4, comparisons: 2 }
`;

const before = process.cwd();
let folder: string;
/** Of the run that the fixture trained. */
let checkpoint: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "earl-bad-"));
  process.chdir(folder);
  await writeScenes({ directory: "data", seed: 1, counts: { train: 12, validation: 4, test: 4 } });
  writeFileSync("trial.yaml", CONFIG);
  writeFileSync("source.png", encodePng(picture(32, 32)));
  const { code, err } = await earl("train", "trial.yaml");
  if (code !== 0) throw new Error(err);
  checkpoint = join("runs", "trial", "checkpoints", "sft-000002");
}, 120_000);

afterAll(() => process.chdir(before));

/** A copy of the dataset whose file of a split is spoiled. */
function spoiledData(name: string, split: string, spoil: (path: string) => void): string {
  cpSync("data", name, { recursive: true });
  spoil(join(name, `${split}-00000-of-00001.parquet`));
  return name;
}

describe("earl edit", () => {
  const edit = (image: string, instruction: string, ...flags: string[]): ReturnType<typeof earl> =>
    earl("edit", image, instruction, "--checkpoint", checkpoint, "--out", "edits", ...flags);

  test("writes as many pictures as asked, the same for the same seed", async () => {
    const first = await edit("source.png", "Make the background white", "-n", "2", "--seed", "3");
    const files = ["edit-1.png", "edit-2.png", "contact-sheet.png", "edit.json"];
    expect(first).toMatchObject({ code: 0, out: files.map((name) => `edits/${name}\n`).join("") });
    const bytes = readFileSync("edits/edit-2.png");
    await edit("source.png", "Make the background white", "-n", "2", "--seed", "3");
    expect(readFileSync("edits/edit-2.png")).toEqual(bytes);
    // Fewer tries leave the others' pictures there, and they are still the command's own.
    await edit("source.png", "Make the background white", "-n", "1");
    expect(await edit("source.png", "Make the background white", "-n", "2")).toMatchObject({ code: 0 });
  });

  test.each<[string, string, string, string]>([
    ["a picture that is not there", "no.png", "Make it red", "Cannot read the picture no.png."],
    ["a file without an end", "/dev/zero", "Make it red", "/dev/zero is larger than"],
    ["a file that is no picture", "trial.yaml", "Make it red", "trial.yaml"],
    ["an empty instruction", "source.png", "  ", "The instruction is empty."],
    ["an endless instruction", "source.png", "red ".repeat(1000), "at most 2000 are taken"],
  ])("refuses %s", async (_, image, instruction, message) => {
    const { code, err } = await edit(image, instruction);
    expect(err).toContain(message);
    expect(err).not.toContain("defect");
    expect(code).toBe(2);
  });

  test("gives a picture of another size the one that the policy was trained on", async () => {
    writeFileSync("odd.png", encodePng(picture(133, 70)));
    const { code, err } = await edit("odd.png", "Make it red", "-n", "1");
    expect(err).toContain("133 × 70 pixels, read at 32 × 32 as 4 × 4 codes");
    expect(err).toContain("Pictures of 32 × 32 pixels.");
    expect(code).toBe(0);
  });

  test.each([
    ["--grid", "9999x9999", "A sequence of"],
    ["--area", "67108864", "A sequence of"],
    ["--grid", "4by4", "rows x columns"],
    ["--guidance", "-1", "between 0 and 1000"],
  ])("refuses %s %s", async (flag, value, message) => {
    const { code, err } = await edit("source.png", "Make it red", flag, value);
    expect(err).toContain(message);
    expect(code).toBe(2);
  });

  test("refuses a checkpoint that is not there, and one that is damaged", async () => {
    const missing = await edit("source.png", "Make it red", "--checkpoint", "nowhere");
    expect(missing.err).toContain("nowhere is neither a checkpoint nor a run with checkpoints.");
    cpSync(checkpoint, "damaged", { recursive: true });
    truncateSync("damaged/model.safetensors", 5000);
    const damaged = await edit("source.png", "Make it red", "--checkpoint", "damaged");
    expect(damaged.err).toContain("model.safetensors");
    expect([missing.code, damaged.code]).toEqual([2, 2]);
  });

  test("refuses a device that is not there", async () => {
    const { code, err } = await edit("source.png", "Make it red", "--device", "tpu");
    expect(err).toContain("Allowed choices are cpu, webgpu");
    expect(code).toBe(2);
  });
});

describe("earl train", () => {
  const train = (...overrides: string[]): ReturnType<typeof earl> =>
    earl("train", "trial.yaml", "--set", "name=bad", ...overrides.flatMap((one) => ["--set", one]));

  test.each<[string, (name: string) => string, string]>([
    ["a folder that is not there", () => "nowhere", "There is no folder nowhere."],
    [
      "an empty parquet file",
      (name) => spoiledData(name, "train", (path) => truncateSync(path, 0)),
      "train-00000-of-00001.parquet",
    ],
    [
      "a parquet file that breaks off",
      (name) => spoiledData(name, "validation", (path) => truncateSync(path, 200)),
      "validation-00000-of-00001.parquet",
    ],
    [
      "a dataset without a test split",
      () => {
        mkdirSync("untested");
        for (const split of ["train", "validation"]) {
          cpSync(`data/${split}-00000-of-00001.parquet`, `untested/${split}-00000-of-00001.parquet`);
        }
        return "untested";
      },
      "untested has no test-*.parquet.",
    ],
  ])("refuses %s and leaves no run behind", async (name, prepare, message) => {
    const { code, err } = await train(`data.directory=${prepare(name.replaceAll(" ", "-"))}`);
    expect(err).toContain(message);
    expect(err).not.toContain("defect");
    expect(code).toBe(2);
    expect(existsSync("runs/bad")).toBe(false);
  });

  test("refuses a run that exists, whose files stay as they are", async () => {
    const events = readFileSync("runs/trial/events.jsonl");
    const { code, err } = await earl("train", "trial.yaml");
    expect(err).toContain("exists already");
    expect(code).toBe(2);
    expect(readFileSync("runs/trial/events.jsonl")).toEqual(events);
  });

  test("refuses to resume with a checkpoint of another shape", async () => {
    cpSync("runs/trial", "runs/other", { recursive: true });
    const config = readFileSync("runs/other/config.yaml", "utf8").replace("name: trial", "name: other");
    writeFileSync("runs/other/config.yaml", config.replace("hiddenSize: 16", "hiddenSize: 32"));
    truncateSync(
      "runs/other/events.jsonl",
      readFileSync("runs/other/events.jsonl").lastIndexOf('{"kind":"run-end"'),
    );
    const settings = ["--set", "name=other", "--set", "policy.hiddenSize=32"];
    const { code, err } = await earl("train", "trial.yaml", "--resume", ...settings);
    expect(err).toContain("has another shape than this run's");
    expect(code).toBe(2);
  });

  test("goes on to its end when nobody reads what it says", () => {
    const [program, words] = earlCommand("train", "trial.yaml", "--set", "name=unread");
    const shell = `set -o pipefail; "$@" 2>&1 | head -n 1`;
    const { status, stdout } = spawnSync("bash", ["-c", shell, "-", program, ...words], { encoding: "utf8" });
    expect(stdout.split("\n")).toHaveLength(2);
    expect(status).toBe(0);
    expect(readFileSync("runs/unread/events.jsonl", "utf8")).toContain('"kind":"run-end"');
    expect(existsSync("runs/unread/report.html")).toBe(true);
  });

  test("says that the disk is full and leaves nothing half-written", () => {
    const [program, words] = earlCommand("train", "trial.yaml", "--set", "name=full");
    // A limit on the size of files is the nearest thing to a full disk that needs no special rights.
    const { status, stderr } = spawnSync("bash", ["-c", 'ulimit -f 24; exec "$@"', "-", program, ...words], {
      encoding: "utf8",
    });
    expect(stderr).toMatch(/Cannot write .*too large/);
    expect(stderr).not.toContain("defect");
    expect(status).toBe(2);
    expect(existsSync("runs/full")).toBe(false);
  });
});

describe("earl evaluate", () => {
  test("gives completions the length that the policy's pictures need", async () => {
    // 32 × 32 codes a picture.
    await writeScenes({ directory: "wide", seed: 1, cells: 8, counts: { train: 4, validation: 1, test: 1 } });
    const settings = [
      "name=fine",
      "data.directory=wide",
      "tokenizer.patchSize=2",
      "sft.steps=1",
      "sft.validationSize=1",
      "evaluation.size=1",
    ];
    const train = await earl("train", "trial.yaml", ...settings.flatMap((setting) => ["--set", setting]));
    expect(train).toMatchObject({ code: 0, out: expect.stringMatching(/SFT +temperature 1 +1 /) as string });
    const words = ["evaluate", "fine", "--data", "wide", "--size", "1"];
    const { code, err, out } = await earl(...words);
    expect([code, err.includes("None of the")]).toEqual([0, false]);
    expect(out).toMatch(/fine +temperature 1 +1 /);
    const short = await earl(...words, "--max-tokens", "512");
    expect(short.err).toMatch(/None of the .* could be scored/);
  });

  test("stops when it is interrupted, and writes nothing", async () => {
    const listeners = process.listenerCount("SIGINT");
    const evaluation = earl("evaluate", "trial", "--data", "data", "--out", "unwritten.json");
    await vi.waitFor(() => expect(process.listenerCount("SIGINT")).toBeGreaterThan(listeners), 10_000);
    process.emit("SIGINT");
    const { code, out, err } = await evaluation;
    expect(err).toContain("Stopped; nothing was written.");
    expect([code, out, existsSync("unwritten.json")]).toEqual([130, "", false]);
    expect(process.listenerCount("SIGINT")).toBe(listeners);
  });

  test("prints a table and writes the same as JSON", async () => {
    const { code, out } = await earl(
      "evaluate",
      "trial",
      "--data",
      "data",
      "--size",
      "2",
      "--out",
      "scores.json",
    );
    expect(code).toBe(0);
    expect(out).toMatch(/source copied .* 2 /);
    expect(JSON.parse(readFileSync("scores.json", "utf8"))).toMatchObject({ split: "test", seed: 0 });
  });

  test("names --data when it is missing", async () => {
    const { code, err } = await earl("evaluate", "trial");
    expect(err).toContain("--data DIR is missing.");
    expect(code).toBe(2);
  });
});

describe("earl ls", () => {
  test("shows a damaged run beside the sound ones", async () => {
    mkdirSync("runs/broken");
    writeFileSync("runs/broken/events.jsonl", "nonsense\n{}\n");
    const { out } = await earl("ls");
    expect(out).toMatch(/broken +damaged/);
    expect(out).toMatch(/trial +finished +sft +2\/2/);
  });
});
