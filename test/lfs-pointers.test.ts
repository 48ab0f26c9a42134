/** A repository cloned without git-lfs: every file that is kept there may be a pointer, and each reader says so. */

import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mergePolicy } from "../src/cli/merge-policy.ts";
import { readAdapterDirectory } from "../src/policy/adapter-directory.ts";
import { readPolicyConfig } from "../src/policy/config-file.ts";
import { openLoraDirectory, saveLoraDirectory } from "../src/policy/lora-files.ts";
import { initialLora, type LoraSettings } from "../src/policy/lora.ts";
import { openPolicyDirectory } from "../src/policy/policy-directory.ts";
import { openTextTokenizer } from "../src/tokens/open-text-tokenizer.ts";
import { openVisionTokenizer } from "../src/tokens/open-vision-tokenizer.ts";
import { verifyRecording } from "../src/verify/verify-recording.ts";
import { recordedRanks, recordedVisionTokens } from "./recorded-tokenizer.ts";

const fixtures = join(import.meta.dirname, "fixtures");
const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0f".repeat(32)}\nsize 2147483648\n`;

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "earl-lfs-"));
});
afterAll(() => rm(root, { recursive: true }));

/** A folder with these files, the pointer in place of one of them. */
async function cloned(files: ReadonlyMap<string, Uint8Array>, pointer: string): Promise<string> {
  const folder = await mkdtemp(join(root, "clone-"));
  for (const [name, content] of files) await writeFile(join(folder, name), content);
  await writeFile(join(folder, pointer), POINTER);
  return folder;
}

async function copied(fixture: string, pointer: string): Promise<string> {
  const folder = await mkdtemp(join(root, "copy-"));
  await cp(join(fixtures, fixture), folder, { recursive: true });
  await writeFile(join(folder, pointer), POINTER);
  return folder;
}

async function expectNamed(attempt: Promise<unknown>, ...path: string[]): Promise<void> {
  await expect(attempt).rejects.toThrow(
    `${join(...path)} is a Git LFS pointer, not the file: fetch it with \`git lfs pull\`.`,
  );
}

const NONE: ReadonlyMap<string, Uint8Array> = new Map();
const EMU3_FILES = new Map<string, Uint8Array>([
  ["emu3.tiktoken", recordedRanks()],
  ["emu3_vision_tokens.txt", recordedVisionTokens()],
]);

describe("a Git LFS pointer is named in place of", () => {
  test.each(["config.json", "model.safetensors"])("a policy's %s", async (file) => {
    const folder = await copied("emu3-lm", file);
    await expectNamed(openPolicyDirectory(folder), folder, file);
  });

  test("an index of weights", async () => {
    const folder = await copied("emu3-lm", "model.safetensors.index.json");
    await rm(join(folder, "model.safetensors"));
    await expectNamed(openPolicyDirectory(folder), folder, "model.safetensors.index.json");
  });

  test("a tokenizer.json", async () => {
    const folder = await cloned(NONE, "tokenizer.json");
    await expectNamed(openTextTokenizer(folder), folder, "tokenizer.json");
  });

  test.each([...EMU3_FILES.keys()])("Emu3's %s", async (file) => {
    const folder = await cloned(EMU3_FILES, file);
    await expectNamed(openTextTokenizer(folder), folder, file);
  });

  test("a vision_tokenizer.json", async () => {
    const folder = await cloned(NONE, "vision_tokenizer.json");
    await expectNamed(openVisionTokenizer(folder), folder, "vision_tokenizer.json");
  });

  test.each(["config.json", "model.safetensors"])("a MoVQ's %s", async (file) => {
    const folder = await copied("movq", file);
    await expectNamed(openVisionTokenizer(folder), folder, file);
  });

  test.each(["adapter_config.json", "adapter_model.safetensors"])("an adapter's %s", async (file) => {
    const { config } = await readPolicyConfig(join(fixtures, "emu3-lm"));
    const folder = await adapterFor(join(fixtures, "emu3-lm"));
    await writeFile(join(folder, file), POINTER);
    await expectNamed(openLoraDirectory(folder, config), folder, file);
    await expectNamed(readAdapterDirectory(folder), folder, file);
  });

  test.each(["generation_config.json", "tokenizer_config.json"])(
    "%s beside the base of a merge",
    async (file) => {
      const base = await copied("emu3-lm", file);
      const adapter = await adapterFor(base);
      const silent = { onStart: () => {}, onTensor: () => {} };
      await expectNamed(mergePolicy({ base, adapter, out: join(root, "merged") }, silent), base, file);
    },
  );

  test.each([
    ["emu3-lm", "expected.json"],
    ["movq", "expected.safetensors"],
    ["text-tokenizer", "expected.json"],
    ["resize", "expected.json"],
    ["resize", "1-in.png"],
  ])("a file of the recording %s: %s", async (fixture, file) => {
    const folder = await copied(fixture, file);
    await expectNamed(verifyRecording(folder), folder, file);
  });

  test("a packed file of a recording", async () => {
    const folder = await copied("emu3-lm", "expected.safetensors.gz");
    await expectNamed(verifyRecording(folder), folder, "expected.safetensors.gz");
  });

  test("recorded sequences", async () => {
    const folder = await cloned(NONE, "sequences.json");
    await expectNamed(verifyRecording(join(folder, "sequences.json")), folder, "sequences.json");
  });
});

async function adapterFor(base: string): Promise<string> {
  const { config } = await readPolicyConfig(base);
  const folder = await mkdtemp(join(root, "adapter-"));
  const settings: LoraSettings = {
    rank: 2,
    alpha: 2,
    targets: ["self_attn.q_proj"],
    isRankStabilised: false,
  };
  await saveLoraDirectory(folder, { config, settings, pairs: initialLora(config, settings, 1) }, base);
  return folder;
}
