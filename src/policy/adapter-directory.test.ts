import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readAdapterDirectory } from "./adapter-directory.ts";
import { readPolicyConfig } from "./config-file.ts";
import type { PolicyConfig } from "./config.ts";
import { initialLora, type LoraSettings } from "./lora.ts";
import { saveLoraDirectory } from "./lora-files.ts";

const BASE = join(import.meta.dirname, "../../test/fixtures/emu3-lm");
const SETTINGS: LoraSettings = {
  rank: 2,
  alpha: 4,
  targets: ["self_attn.q_proj", "mlp.up_proj"],
  isRankStabilised: false,
  isNested: false,
};

let folder = "";
let config: PolicyConfig;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-adapter-"));
  ({ config } = await readPolicyConfig(BASE));
});
afterAll(() => rm(folder, { recursive: true }));

async function save(name: string, settings: LoraSettings, base = BASE): Promise<string> {
  const directory = join(folder, name);
  await saveLoraDirectory(directory, { config, settings, pairs: initialLora(config, settings, 1) }, base);
  return directory;
}

describe("readAdapterDirectory", () => {
  test("gives an adapter's settings and base, and nothing for another directory", async () => {
    expect(await readAdapterDirectory(await save("whole", SETTINGS))).toEqual({
      base: BASE,
      settings: SETTINGS,
    });
    expect(await readAdapterDirectory(BASE)).toBeUndefined();
  });

  test("says which parameters are adapted where not every layer's targets are", async () => {
    const only = ["model.layers.0.mlp.up_proj.weight", "model.layers.2.self_attn.q_proj.weight"];
    const found = await readAdapterDirectory(await save("part", { ...SETTINGS, only }));
    expect(found?.settings).toEqual({ ...SETTINGS, only });
  });

  test.each([
    ["", "weights that it does not name"],
    [" ", "weights that it does not name"],
    ["BAAI/Emu3-Stage1", "BAAI/Emu3-Stage1"],
  ])("wants a base on disk, which %j is not", async (base, named) => {
    const before = process.cwd();
    const directory = await save("homeless", SETTINGS, base);
    // Here lies a policy, and an empty path must not mean it.
    process.chdir(BASE);
    try {
      await expect(readAdapterDirectory(directory)).rejects.toThrow(
        `belongs to ${named}, which is no directory`,
      );
    } finally {
      process.chdir(before);
    }
  });

  test("refuses an adapter of another policy", async () => {
    const directory = await save("other", SETTINGS);
    const path = join(directory, "adapter_config.json");
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace('"r": 2', '"r": 3'));
    await expect(readAdapterDirectory(directory)).rejects.toThrow("does not fit the policy");
  });
});
