import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CheckpointError } from "../errors.ts";
import { readAdapterConfig, type AdapterConfigFile } from "./lora-config-file.ts";

/** What PEFT itself wrote. */
let recorded: Record<string, unknown>;
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-adapter-config-"));
  const keys = join(import.meta.dirname, "../../test/fixtures/emu3-keys.json");
  recorded = (JSON.parse(await readFile(keys, "utf8")) as { adapter: { config: Record<string, unknown> } })
    .adapter.config;
});
afterAll(() => rm(folder, { recursive: true }));

async function read(change: Record<string, unknown>): Promise<AdapterConfigFile> {
  const file = join(folder, "adapter_config.json");
  await writeFile(file, JSON.stringify({ ...recorded, ...change }));
  return readAdapterConfig(file);
}

describe("readAdapterConfig", () => {
  test.each([
    ["DoRA", { use_dora: true }, /use_dora is true/],
    ["learned biases", { bias: "all" }, /bias/],
    ["whole modules beside", { modules_to_save: ["lm_head"] }, /modules_to_save is \["lm_head"\]/],
    ["ranks by module", { rank_pattern: { q_proj: 8 } }, /rank_pattern/],
    ["an unknown setting that is on", { use_future: true }, /use_future is true/],
    ["PiSSA, which moves the base", { init_lora_weights: "pissa" }, /init_lora_weights/],
    ["an adapter of another kind", { peft_type: "IA3" }, /peft_type/],
    [
      "an alpha that overflows",
      { lora_alpha: 2_147_483_648 },
      /alpha 2147483648 at rank 2 multiplies the adapter by/,
    ],
    ["an alpha against itself", { lora_alpha: -4 }, /alpha -4 is not above 0/],
    ["an alpha of nothing", { lora_alpha: 0 }, /alpha 0 is not above 0/],
    ["an alpha that is no number", { lora_alpha: "16" }, /lora_alpha/],
    ["an absurd rank", { r: 1_000_000_000 }, /rank 1000000000 is more than/],
    ["no rank", { r: 0 }, /rank 0 learns nothing/],
    ["a negative rank", { r: -2 }, /rank -2 learns nothing/],
    ["layers of another list", { layers_to_transform: [0], layers_pattern: "blocks" }, /layers_pattern/],
    ["a setting of any length", { use_future: "x".repeat(1e6) }, /use_future is "x{79}…, which/],
  ])("%s is refused by name", async (_, change, message) => {
    const attempt = read(change);
    await expect(attempt).rejects.toThrow(CheckpointError);
    await expect(attempt).rejects.toThrow(message);
  });

  test.each<[Record<string, unknown>, (boolean | undefined)[]]>([
    [{ target_modules: ["q_proj"] }, [true, true, false, undefined]],
    [{ target_modules: ["q_proj"], layers_to_transform: [1] }, [false, true, false, undefined]],
    [{ target_modules: ["q_proj"], layers_to_transform: 0 }, [true, false, false, undefined]],
    [{ target_modules: ["layers.1.self_attn.q_proj"] }, [false, true, false, undefined]],
    [{ target_modules: ["model.text_model.layers.0.self_attn.q_proj"] }, [true, false, false, undefined]],
    [{ target_modules: "all-linear" }, [true, true, true, undefined]],
    [{ target_modules: "(?:(?:q+)+)+_proj" }, [undefined, undefined, undefined, undefined]],
    [{ target_modules: null }, [undefined, undefined, undefined, undefined]],
  ])("%j wants what PEFT would adapt", async (change, wanted) => {
    const { adapts } = await read(change);
    const names = [
      "model.layers.0.self_attn.q_proj.weight",
      "model.layers.1.self_attn.q_proj.weight",
      "model.layers.1.mlp.up_proj.weight",
      "lm_head.weight",
    ];
    expect(names.map(adapts)).toEqual(wanted);
  });
});
