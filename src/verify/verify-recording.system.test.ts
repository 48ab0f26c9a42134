import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { copyOfRecording, empty, FIXTURES, perturb } from "../../test/perturbed-recording.ts";
import { recordedRanks, recordedVisionTokens } from "../../test/recorded-tokenizer.ts";
import { ConfigError, DataError } from "../errors.ts";
import { verifyRecording, type Verification } from "./verify-recording.ts";

/** Recorded at 4 MB by Emu3's own code, so it is compared where the shared folder is. */
const ORIGINAL_MOVQ = join(FIXTURES, "../../../shared/fixtures/movq");

let tokenizer: string;

beforeAll(() => {
  tokenizer = join(mkdtempSync(join(tmpdir(), "earl-tokenizer-")), "text-tokenizer");
  mkdirSync(tokenizer);
  writeFileSync(join(tokenizer, "emu3.tiktoken"), recordedRanks());
  writeFileSync(join(tokenizer, "emu3_vision_tokens.txt"), recordedVisionTokens());
  cpSync(join(FIXTURES, "text-tokenizer/expected.json"), join(tokenizer, "expected.json"));
});

const failed = ({ comparisons }: Verification): string[] =>
  comparisons.filter(({ isWithin }) => !isWithin).map(({ quantity }) => quantity);

/** Changes a JSON file of a copied recording. */
function edit(path: string, change: (content: never) => void): void {
  const content = JSON.parse(readFileSync(path, "utf8")) as never;
  change(content);
  writeFileSync(path, JSON.stringify(content));
}

describe("verifyRecording", () => {
  test("finds a text tokenizer equal, and an id that is not", async () => {
    const result = await verifyRecording(tokenizer);
    expect(result.kind).toBe("text-tokenizer");
    expect(failed(result)).toEqual([]);
    expect(new Set(result.comparisons.map(({ quantity }) => quantity)).size).toBe(5);
    const wrong = `${tokenizer}-wrong`;
    cpSync(tokenizer, wrong, { recursive: true });
    edit(join(wrong, "expected.json"), (json: { cases: { ids: number[] }[] }) => {
      json.cases[3]!.ids[0]! += 1;
    });
    expect(failed(await verifyRecording(wrong))).toContain("ids");
  });

  test("finds sequences equal, and a label that is not", async () => {
    const result = await verifyRecording(join(FIXTURES, "sequences.json"), { tokenizer });
    expect([result.kind, failed(result)]).toEqual(["sequences", []]);
    expect(result.comparisons).toHaveLength(4 * 6 + 4 * 4);
    const folder = mkdtempSync(join(tmpdir(), "earl-sequences-"));
    cpSync(join(FIXTURES, "sequences.json"), join(folder, "sequences.json"));
    edit(join(folder, "sequences.json"), (json: { cases: { sft: { labels: number[] } }[] }) => {
      json.cases[1]!.sft.labels[2] = 7;
    });
    // The folder will do, too.
    expect(failed(await verifyRecording(folder, { tokenizer }))).toEqual(["supervised: labels"]);
    // Nothing compared with nothing must not pass for equal.
    edit(join(folder, "sequences.json"), (json: { sft_batch: { labels: unknown[] } }) => {
      json.sft_batch.labels = [];
    });
    expect(failed(await verifyRecording(folder, { tokenizer }))).toEqual([
      "supervised: labels",
      "batch labels",
    ]);
  });

  test("finds every verdict on a judge's replies, and one that is not ours", async () => {
    const result = await verifyRecording(join(FIXTURES, "viescore-replies.json"));
    expect([result.kind, failed(result)]).toEqual(["viescore-replies", []]);

    const folder = mkdtempSync(join(tmpdir(), "earl-replies-"));
    cpSync(join(FIXTURES, "viescore-replies.json"), join(folder, "viescore-replies.json"));
    edit(join(folder, "viescore-replies.json"), (json: { verdict: string; scores: number[] }[]) => {
      json[0]!.scores = [7, 9];
      json.at(-1)!.verdict = "scored";
    });
    expect(failed(await verifyRecording(folder))).toHaveLength(2);
  });
  test("asks for the tokenizer of sequences", async () => {
    const verifying = verifyRecording(join(FIXTURES, "sequences.json"));
    await expect(verifying).rejects.toThrow(ConfigError);
    await expect(verifying).rejects.toThrow("--tokenizer DIR is missing");
  });

  test("finds resized pictures equal, and a size that is not", async () => {
    const result = await verifyRecording(join(FIXTURES, "resize"));
    expect([result.kind, failed(result)]).toEqual(["resize", []]);
    const folder = copyOfRecording("resize");
    edit(join(folder, "expected.json"), (json: { rule: { resized: number[] }[] }) => {
      json.rule[0]!.resized[1]! += 1;
    });
    expect(failed(await verifyRecording(folder))).toEqual(["sizes"]);
    rmSync(join(folder, "2-out.png"));
    await expect(verifyRecording(folder)).rejects.toThrow("2-out.png");
  });

  test("finds a vision tokenizer equal, and a code that is not", async () => {
    const result = await verifyRecording(join(FIXTURES, "movq"));
    expect([result.kind, failed(result), result.unread]).toEqual(["movq", [], []]);
    expect(result.comparisons.map(({ quantity }) => quantity)).toEqual([
      "latents",
      "codes",
      "pixels of codes alone",
    ]);
    const folder = copyOfRecording("movq");
    perturb(folder, "encoded", 4, 1);
    perturb(folder, "decoded", 9, 0.002);
    expect(failed(await verifyRecording(folder))).toEqual(["codes", "pixels of codes alone"]);
    // A result outside the codebook is wrong, an input outside it cannot be used.
    perturb(folder, "encoded", 4, 1e6);
    expect(failed(await verifyRecording(folder))).toEqual(["codes", "pixels of codes alone"]);
    perturb(folder, "codes", 0, -1e6);
    await expect(verifyRecording(folder)).rejects.toThrow(/recorded codes hold -\d+, which is no code/);
  });

  test("finds measures of edits equal, and one wrong number of each", async () => {
    const result = await verifyRecording(join(FIXTURES, "metrics"));
    expect([result.kind, failed(result), result.unread]).toEqual(["metrics", [], []]);
    expect(new Set(result.comparisons.map(({ quantity }) => quantity)).size).toBe(20);
    const folder = copyOfRecording("metrics");
    type Pair = {
      text_ids: Record<string, number[]>;
      i2ebench: { ssim: number };
      emuedit: { clip_dir: number };
    };
    edit(join(folder, "pairs/expected.json"), (json: { mask_fill: number; pairs: Pair[] }) => {
      json.mask_fill = 0;
      Object.values(json.pairs[1]!.text_ids)[0]![3]! += 1;
      json.pairs[0]!.i2ebench.ssim += 2e-5;
      json.pairs[2]!.emuedit.clip_dir -= 2e-4;
    });
    perturb(join(folder, "pairs"), "3.dino", 5, 2e-3);
    expect(new Set(failed(await verifyRecording(folder)))).toEqual(
      new Set(["SSIM", "region SSIM", "text ids", "CLIPdir", "DINO of pictures"]),
    );
  });

  test.skipIf(!existsSync(ORIGINAL_MOVQ))("finds Emu3's own vision tokenizer equal", async () => {
    const result = await verifyRecording(ORIGINAL_MOVQ);
    expect([failed(result), result.unread]).toEqual([[], []]);
    expect(result.comparisons).toHaveLength(7);
  });

  test("finds one wrong number of each kind in a policy's recording, and nothing else", async () => {
    const folder = copyOfRecording("emu3-lm");
    perturb(folder, "logits", 384 * 20 + 5, 0.001);
    perturb(folder, "logprobs", 30, 0.002);
    perturb(folder, "grpo.loss", 0, 2e-5);
    perturb(folder, "clipped.grad.model.norm.weight", 3, 1e-3);
    perturb(folder, "adamw.param.lm_head.weight", 100, 2e-5);
    perturb(folder, "greedy", 24 + 3, 1);
    const result = await verifyRecording(folder);
    expect(failed(result)).toEqual([
      "logits",
      "log-probabilities",
      "log-probabilities after a shared prompt",
      "grpo loss",
      "clipped gradients",
      "adamw parameters",
      "greedy continuation",
    ]);
    expect(result.comparisons.find(({ isWithin, part }) => !isWithin && part === "row 1")?.unequal).toMatch(
      /^at 3: /,
    );
  });

  test("takes the constants from the recording", async () => {
    const folder = copyOfRecording("emu3-lm");
    edit(
      join(folder, "expected.json"),
      (json: { kl_beta: number; clip_high: number; adamw: { lr: number } }) => {
        json.kl_beta = 0.5;
        json.clip_high = 0.3;
        json.adamw.lr = 2e-3;
      },
    );
    expect(new Set(failed(await verifyRecording(folder)))).toEqual(
      new Set([
        "grpo loss",
        "grpo gradients",
        "clipped loss",
        "clipped gradients",
        "adamw losses",
        "adamw gradient norms",
        "adamw parameters",
      ]),
    );
  });
});

describe("a path that is no recording", () => {
  test("is answered with the kinds there are", async () => {
    const verifying = verifyRecording(FIXTURES.replace(/fixtures$/, "report"));
    await expect(verifying).rejects.toThrow(DataError);
    await expect(verifying).rejects.toMatchObject({
      hint: expect.stringMatching(/emu3-lm.*movq.*text-tokenizer.*resize.*sequences/s) as string,
    });
    await expect(verifyRecording("nowhere")).rejects.toThrow("There is no recording at nowhere.");
  });

  test("is named where a file of it is damaged", async () => {
    const folder = copyOfRecording("movq");
    const path = join(folder, "expected.safetensors");
    const packed = gzipSync(readFileSync(path));
    rmSync(path);
    writeFileSync(`${path}.gz`, packed.subarray(0, 500));
    await expect(verifyRecording(folder)).rejects.toThrow("expected.safetensors.gz cannot be unpacked");
    writeFileSync(`${path}.gz`, packed);
    expect(failed(await verifyRecording(folder))).toEqual([]);
  });

  test("is named where it was made with a larger vocabulary, or with more steps than it holds", async () => {
    const folder = copyOfRecording("emu3-lm");
    edit(join(folder, "expected.json"), (json: { adamw: { steps: number } }) => {
      json.adamw.steps = 1e9;
    });
    await expect(verifyRecording(folder)).rejects.toThrow("expected.json says 1000000000 steps");
    perturb(folder, "input_ids", 0, 384);
    await expect(verifyRecording(folder)).rejects.toThrow(
      /Row 0 of input_ids has the id \d+, the policy a vocabulary of 384/,
    );
  });

  test("is named where a result of it is empty", async () => {
    const folder = copyOfRecording("emu3-lm");
    empty(folder, "greedy", [0, 24]);
    await expect(verifyRecording(folder)).rejects.toThrow("greedy has 0 × 24 values for 4 rows");
    empty(folder, "position_ids", [0]);
    await expect(verifyRecording(folder)).rejects.toThrow("position_ids has 0 values, not 4 × 40");
  });

  test("is named where it wants a picture larger than any", async () => {
    const folder = copyOfRecording("resize");
    edit(join(folder, "expected.json"), (json: { cases: { resized: number[] }[] }) => {
      json.cases[1]!.resized = [48, 1e9];
    });
    await expect(verifyRecording(folder)).rejects.toThrow("cases.1.resized: more pixels than");
  });

  test("is named where the constants are missing", async () => {
    const folder = copyOfRecording("emu3-lm");
    edit(join(folder, "expected.json"), (json: { adamw: { betas?: unknown } }) => {
      delete json.adamw.betas;
    });
    await expect(verifyRecording(folder)).rejects.toThrow("expected.json: adamw.betas:");
  });
});
