import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CheckpointError, ShapeError } from "../errors.ts";
import { EMU3_CONFIG, type PolicyConfig } from "./config.ts";
import { initialParameters } from "./parameters.ts";
import { openPolicyDirectory } from "./policy-directory.ts";
import { SafetensorsFile } from "./safetensors.ts";
import { savePolicyDirectory } from "./save-policy.ts";

const fixtures = join(import.meta.dirname, "../../test/fixtures");

/** The policy of emu3-keys.json. */
const SMALL: PolicyConfig = {
  ...EMU3_CONFIG,
  vocabularySize: 200,
  hiddenSize: 32,
  intermediateSize: 48,
  layers: 2,
  heads: 4,
  keyValueHeads: 2,
  headSize: 8,
  ropeTheta: 500,
  maxPositions: 256,
  bosId: 1,
  eosId: 2,
  padId: 0,
};

interface RecordedKeys {
  readonly textModel: { readonly keys: string[] };
}

let recorded: RecordedKeys;
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-policy-"));
  recorded = JSON.parse(await readFile(join(fixtures, "emu3-keys.json"), "utf8")) as RecordedKeys;
});
afterAll(() => rm(folder, { recursive: true }));

const parameters = initialParameters(SMALL, { embeddingStd: 0.1, weightStd: 0.02, seed: 3 });

async function json(...path: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(folder, ...path), "utf8")) as Record<string, unknown>;
}

async function expectEqualToParameters(directory: string): Promise<void> {
  const policy = await openPolicyDirectory(directory);
  expect(policy.names).toEqual([...parameters.keys()]);
  for (const name of policy.names) expect(await policy.read(name)).toEqual(parameters.get(name));
  await policy.close();
}

describe("savePolicyDirectory", () => {
  test("what is saved is read back identical, in the keys that transformers expects", async () => {
    const directory = join(folder, "plain");
    await savePolicyDirectory(directory, SMALL, parameters, {
      tokenizerFiles: new Map([["tokenizer.txt", new Uint8Array([1, 2])]]),
      generationConfig: { do_sample: true },
    });
    await expectEqualToParameters(directory);
    const file = await SafetensorsFile.open(join(directory, "model.safetensors"));
    expect([...file.entries.keys()].toSorted()).toEqual(recorded.textModel.keys);
    expect(file.metadata).toEqual({ format: "pt" });
    await file.close();
    expect((await readdir(directory)).toSorted()).toEqual([
      "config.json",
      "generation_config.json",
      "model.safetensors",
      "tokenizer.txt",
    ]);
    expect(await json("plain", "generation_config.json")).toEqual({
      bos_token_id: 1,
      eos_token_id: 2,
      pad_token_id: 0,
      do_sample: true,
    });
    expect(await json("plain", "config.json")).toMatchObject({
      model_type: "emu3_text_model",
      architectures: ["Emu3ForCausalLM"],
      dtype: "float32",
    });
  });

  test("shards hold at most the given size, and the index lists every tensor", async () => {
    const directory = join(folder, "shards");
    await savePolicyDirectory(directory, SMALL, parameters, { maxShardBytes: 20_000 });
    await expectEqualToParameters(directory);
    const index = (await json("shards", "model.safetensors.index.json")) as {
      metadata: { total_size: number };
      weight_map: Record<string, string>;
    };
    expect(index.metadata.total_size).toBe(
      [...parameters.values()].reduce((sum, tensor) => sum + tensor.byteLength, 0),
    );
    expect(Object.keys(index.weight_map).toSorted()).toEqual(recorded.textModel.keys);
    const shards = new Set(Object.values(index.weight_map));
    expect(shards).toContain(`model-00001-of-0000${shards.size}.safetensors`);
    for (const shard of shards) {
      const file = await SafetensorsFile.open(join(directory, shard));
      const sizes = [...file.entries.values()].map(({ begin, end }) => end - begin);
      await file.close();
      expect(sizes.length === 1 || sizes.reduce((a, b) => a + b) <= 20_000).toBe(true);
    }
  });

  test("saving again in another form leaves no weights of the earlier save", async () => {
    const directory = join(folder, "again");
    const zeros = new Map([...parameters].map(([name, { length }]) => [name, new Float32Array(length)]));
    await savePolicyDirectory(directory, SMALL, zeros);
    await savePolicyDirectory(directory, SMALL, parameters, { maxShardBytes: 20_000 });
    await expectEqualToParameters(directory);
    await savePolicyDirectory(directory, SMALL, parameters);
    expect((await readdir(directory)).filter((file) => file.startsWith("model"))).toEqual([
      "model.safetensors",
    ]);
  });

  test("parameters may come lazily and in any order", async () => {
    async function* lazily(): AsyncGenerator<readonly [string, Float32Array]> {
      for (const pair of [...parameters].toReversed()) yield await Promise.resolve(pair);
    }
    await savePolicyDirectory(join(folder, "lazy"), SMALL, lazily());
    await expectEqualToParameters(join(folder, "lazy"));
  });

  test("half-width weights say so in config.json and are read as float32", async () => {
    await savePolicyDirectory(join(folder, "bf16"), SMALL, parameters, { type: "BF16" });
    expect((await json("bf16", "config.json"))["dtype"]).toBe("bfloat16");
    const policy = await openPolicyDirectory(join(folder, "bf16"));
    const read = await policy.read("lm_head.weight");
    await policy.close();
    for (const [index, value] of (parameters.get("lm_head.weight") ?? []).entries()) {
      expect(Math.abs((read[index] ?? NaN) - value)).toBeLessThanOrEqual(Math.abs(value) / 256);
    }
  });

  test("each tensor may have a type of its own; config.json names the one of most numbers", async () => {
    const directory = join(folder, "mixed");
    await savePolicyDirectory(directory, SMALL, parameters, {
      type: (name) => (name.includes("norm") ? "F32" : name.includes("k_proj") ? "F16" : "BF16"),
      maxShardBytes: 20_000,
    });
    const policy = await openPolicyDirectory(directory);
    expect(policy.typeOf("model.norm.weight")).toBe("F32");
    expect(policy.typeOf("model.layers.0.self_attn.k_proj.weight")).toBe("F16");
    expect(policy.typeOf("lm_head.weight")).toBe("BF16");
    for (const name of policy.names.filter((one) => one.includes("norm"))) {
      expect(await policy.read(name)).toEqual(parameters.get(name));
    }
    await policy.close();
    expect(await json("mixed", "config.json")).toMatchObject({ dtype: "bfloat16", torch_dtype: "bfloat16" });
    const { metadata } = (await json("mixed", "model.safetensors.index.json")) as {
      metadata: { total_size: number };
    };
    // Two bytes a number, and two more for each of the five norms' 32.
    const numbers = [...parameters.values()].reduce((sum, { length }) => sum + length, 0);
    expect(metadata.total_size).toBe(2 * numbers + 2 * 5 * 32);
  });

  test("a failure leaves the earlier save whole and nothing half-written", async () => {
    const directory = join(folder, "failing");
    await savePolicyDirectory(directory, SMALL, parameters);
    const short = new Map([...parameters].slice(1));
    await expect(savePolicyDirectory(directory, SMALL, short, { maxShardBytes: 20_000 })).rejects.toThrow(
      ShapeError,
    );
    expect((await readdir(directory)).toSorted()).toEqual([
      "config.json",
      "generation_config.json",
      "model.safetensors",
    ]);
    await expectEqualToParameters(directory);
  });

  test("a folder that cannot be made is named", async () => {
    await writeFile(join(folder, "occupied"), "");
    const attempt = savePolicyDirectory(join(folder, "occupied"), SMALL, parameters);
    await expect(attempt).rejects.toThrow(CheckpointError);
    await expect(attempt).rejects.toThrow(/Cannot save the policy to .*occupied/);
  });
});
