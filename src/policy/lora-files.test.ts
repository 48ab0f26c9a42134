import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CheckpointError, ShapeError } from "../errors.ts";
import { EMU3_CONFIG, type PolicyConfig } from "./config.ts";
import { initialLora, type LoraPair, type LoraSettings } from "./lora.ts";
import { mergeLora, openLoraDirectory, saveLoraDirectory } from "./lora-files.ts";
import { initialParameters } from "./parameters.ts";
import { SafetensorsFile } from "./safetensors.ts";
import { SafetensorsWriter } from "./safetensors-writer.ts";

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
  bosId: 1,
  eosId: 2,
  padId: 0,
};

const SETTINGS: LoraSettings = {
  rank: 2,
  alpha: 4,
  targets: ["self_attn.q_proj", "self_attn.o_proj"],
  isRankStabilised: true,
};

interface Recorded {
  readonly adapter: { readonly config: Record<string, unknown>; readonly shapes: Record<string, number[]> };
}

let recorded: Recorded;
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-lora-"));
  const keys = join(import.meta.dirname, "../../test/fixtures/emu3-keys.json");
  recorded = JSON.parse(await readFile(keys, "utf8")) as Recorded;
});
afterAll(() => rm(folder, { recursive: true }));

/** An adapter in which B is not zero either. */
function learnedPairs(settings: LoraSettings): Map<string, LoraPair> {
  const pairs = initialLora(SMALL, settings, 5);
  for (const { a, b } of pairs.values()) b.set(a.subarray(0, Math.min(a.length, b.length)));
  return pairs;
}

async function save(name: string, settings = SETTINGS): Promise<string> {
  await saveLoraDirectory(
    join(folder, name),
    { config: SMALL, settings, pairs: learnedPairs(settings) },
    "base/model",
  );
  return join(folder, name);
}

describe("saveLoraDirectory", () => {
  test("keys and shapes are those that PEFT writes for the same targets", async () => {
    const directory = await save("keys");
    const file = await SafetensorsFile.open(join(directory, "adapter_model.safetensors"));
    const shapes = Object.fromEntries([...file.entries].map(([name, { shape }]) => [name, shape]));
    await file.close();
    expect(shapes).toEqual(recorded.adapter.shapes);
  });

  test("the config's keys are PEFT's, with PEFT's values for this adapter", async () => {
    const directory = await save("config");
    const ours = JSON.parse(await readFile(join(directory, "adapter_config.json"), "utf8")) as Record<
      string,
      unknown
    >;
    const theirs = Object.keys(ours).map((key) => [key, recorded.adapter.config[key]]);
    expect(ours).toEqual({ ...Object.fromEntries(theirs), base_model_name_or_path: "base/model" });
  });

  test("names a nested base's modules in full, since its vision tokenizer has some of the same names", async () => {
    const directory = await save("nested", { ...SETTINGS, isNested: true });
    const file = await SafetensorsFile.open(join(directory, "adapter_model.safetensors"));
    // What PEFT 0.21 with transformers 5.18 wrote for Emu3ForConditionalGeneration.
    expect([...file.entries.keys()].filter((name) => name.includes("q_proj"))).toEqual(
      [0, 1].flatMap((layer) =>
        ["A", "B"].map(
          (matrix) =>
            `base_model.model.model.text_model.layers.${layer}.self_attn.q_proj.lora_${matrix}.weight`,
        ),
      ),
    );
    await file.close();
    const text = await readFile(join(directory, "adapter_config.json"), "utf8");
    const pattern = new RegExp(`^${(JSON.parse(text) as { target_modules: string }).target_modules}$`);
    expect(pattern.test("model.text_model.layers.1.self_attn.q_proj")).toBe(true);
    expect(pattern.test("model.text_model.layers.1.self_attn.v_proj")).toBe(false);
    expect(pattern.test("model.vqmodel.encoder.middle_block.attn_1.q_proj")).toBe(false);
    const adapter = await openLoraDirectory(directory, SMALL);
    expect(adapter.names).toEqual([...learnedPairs(SETTINGS).keys()]);
    await adapter.close();
  });

  test("names the modules of a part of the layers one by one", async () => {
    const only = ["model.layers.1.self_attn.q_proj.weight"];
    const directory = await save("part", { ...SETTINGS, only });
    const text = await readFile(join(directory, "adapter_config.json"), "utf8");
    expect(JSON.parse(text)).toMatchObject({ target_modules: ["model.layers.1.self_attn.q_proj"] });
    const adapter = await openLoraDirectory(directory, SMALL);
    expect(adapter.names).toEqual(only);
    await adapter.close();
  });

  test("pairs that are not those of the settings are refused and nothing is left", async () => {
    const pairs = new Map([...learnedPairs(SETTINGS)].slice(1));
    const directory = join(folder, "short");
    await expect(saveLoraDirectory(directory, { config: SMALL, settings: SETTINGS, pairs })).rejects.toThrow(
      ShapeError,
    );
    await expect(openLoraDirectory(directory, SMALL)).rejects.toThrow(/adapter_config\.json/);
  });
});

describe("openLoraDirectory", () => {
  test("what was saved is read back identical", async () => {
    const adapter = await openLoraDirectory(await save("back"), SMALL);
    const pairs = learnedPairs(SETTINGS);
    expect(adapter.settings).toEqual({ rank: 2, alpha: 4, isRankStabilised: true });
    expect(adapter.names).toEqual([...pairs.keys()]);
    for (const name of adapter.names) expect(await adapter.read(name)).toEqual(pairs.get(name));
    await adapter.close();
  });

  test("PEFT's own adapter_config.json is read", async () => {
    const directory = await save("peft");
    await writeFile(join(directory, "adapter_config.json"), JSON.stringify(recorded.adapter.config));
    const adapter = await openLoraDirectory(directory, SMALL);
    expect(adapter.settings).toEqual({ rank: 2, alpha: 4, isRankStabilised: true });
    await adapter.close();
  });

  const MODULE = "base_model.model.model.layers.0.self_attn.q_proj.";

  /** The adapter of `save` with other tensors in its file. */
  async function holding(
    name: string,
    tensors: readonly { readonly name: string; readonly shape: readonly number[] }[],
  ): Promise<string> {
    const directory = await save(name);
    const path = join(directory, "adapter_model.safetensors");
    const writer = await SafetensorsWriter.create(path, tensors, "F32");
    for (const { name: tensor, shape } of tensors)
      await writer.write(tensor, new Float32Array(shape.reduce((a, b) => a * b, 1)));
    await writer.finish();
    return directory;
  }

  const messageOf = (directory: string): Promise<string> =>
    openLoraDirectory(directory, SMALL).then(
      async (adapter) => {
        await adapter.close();
        return "opened";
      },
      (error: unknown) => `${(error as Error).message} ${(error as CheckpointError).hint}`,
    );

  test.each<[string, { name: string; shape: number[] }[], string]>([
    ["nothing", [], "lora_A of model.layers.0.self_attn.q_proj.weight: missing"],
    [
      "the head",
      [{ name: "base_model.model.lm_head.lora_A.weight", shape: [2, 32] }],
      "lm_head.weight: adapted, but no projection",
    ],
    [
      "a whole module beside",
      [{ name: "base_model.model.lm_head.base_layer.weight", shape: [200, 32] }],
      "saves beside an adapted head",
    ],
    [
      "the embedding",
      [{ name: "base_model.model.model.embed_tokens.lora_embedding_A", shape: [2, 200] }],
      "it adapts an embedding",
    ],
    [
      "the vision tokenizer",
      [{ name: "base_model.model.model.vqmodel.encoder.attn_1.q_proj.lora_A.weight", shape: [2, 32] }],
      "it adapts the vision tokenizer",
    ],
    [
      "one matrix twice",
      [
        { name: `${MODULE}lora_A.weight`, shape: [2, 32] },
        { name: `${MODULE}lora_A.default.weight`, shape: [2, 32] },
      ],
      "the same matrix as",
    ],
  ])(
    "one that adapts %s is refused, and merging with PEFT is named as the way out",
    async (_, tensors, words) => {
      const message = await messageOf(await holding("kinds", tensors));
      expect(message).toContain(words);
      expect(message).toContain("merge_and_unload");
      expect(message).not.toContain("Download");
    },
  );

  test("layers that its config promises and its file lacks are missed", async () => {
    const directory = await holding("lost", [
      { name: `${MODULE}lora_A.weight`, shape: [2, 32] },
      { name: `${MODULE}lora_B.weight`, shape: [32, 2] },
    ]);
    const message = await messageOf(directory);
    for (const name of ["layers.0.self_attn.o_proj", "layers.1.self_attn.q_proj"])
      expect(message).toContain(`lora_A of model.${name}.weight: missing`);

    const config = join(directory, "adapter_config.json");
    for (const change of [
      { target_modules: ["q_proj"], layers_to_transform: [0] },
      { target_modules: ["q_proj"], layers_to_transform: 0, layers_pattern: "layers" },
      { target_modules: ["model.layers.0.self_attn.q_proj"] },
      { target_modules: ["model.text_model.layers.0.self_attn.q_proj"] },
      { target_modules: ".*layers\\.0\\.self_attn\\.q_proj" },
    ]) {
      await writeFile(config, JSON.stringify({ ...recorded.adapter.config, ...change }));
      expect(await messageOf(directory)).toBe("opened");
    }
    const empty = await holding("empty", []);
    const pattern = { ...recorded.adapter.config, target_modules: ".*" };
    await writeFile(join(empty, "adapter_config.json"), JSON.stringify(pattern));
    expect(await messageOf(empty)).toContain("it adapts nothing");
    await writeFile(config, JSON.stringify({ ...recorded.adapter.config, target_modules: "all-linear" }));
    expect(await messageOf(directory)).toContain("lora_B of model.layers.0.mlp.down_proj.weight: missing");
  });

  test("pickled weights are named as such", async () => {
    const directory = await save("pickled");
    await rm(join(directory, "adapter_model.safetensors"));
    expect(await messageOf(directory)).toContain("has no adapter_model.safetensors");
    await writeFile(join(directory, "adapter_model.bin"), "");
    expect(await messageOf(directory)).toContain("pickled");
  });

  test("a matrix that is not finite is refused when it is read", async () => {
    const pairs = learnedPairs(SETTINGS);
    const name = "model.layers.1.self_attn.q_proj.weight";
    pairs.get(name)?.b.fill(NaN, 0, 1);
    const directory = join(folder, "not-finite");
    await saveLoraDirectory(directory, { config: SMALL, settings: SETTINGS, pairs });
    const adapter = await openLoraDirectory(directory, SMALL);
    await expect(adapter.read(name)).rejects.toThrow(
      /layers\.1\.self_attn\.q_proj\.lora_B\.weight is not finite: 1 of its 64/,
    );
    await adapter.close();
  });

  test("missing, unexpected and misshapen matrices are told together", async () => {
    const directory = await save("faulty");
    const key = "base_model.model.model.layers.0.self_attn.";
    const tensors = [
      { name: `${key}q_proj.lora_A.weight`, shape: [3, 32] },
      { name: `${key}q_proj.lora_B.weight`, shape: [32, 2] },
      { name: `${key}v_proj.lora_B.weight`, shape: [16, 2] },
      { name: `${key}z_proj.lora_A.weight`, shape: [2, 32] },
      { name: "stray.weight", shape: [1] },
    ];
    const writer = await SafetensorsWriter.create(
      join(directory, "adapter_model.safetensors"),
      tensors,
      "F32",
    );
    for (const { name, shape } of tensors)
      await writer.write(name, new Float32Array(shape.reduce((a, b) => a * b, 1)));
    await writer.finish();
    const message = await openLoraDirectory(directory, SMALL).catch(
      (error: unknown) => (error as Error).message,
    );
    expect(message).toContain("q_proj.lora_A.weight: it is [3, 32], the policy and the rank need [2, 32]");
    expect(message).toContain("lora_A of model.layers.0.self_attn.v_proj.weight: missing");
    expect(message).toContain(
      "model.layers.0.self_attn.z_proj.weight: adapted, but no projection of this policy",
    );
    expect(message).toContain("stray.weight: not a LoRA matrix");
  });
});

describe("mergeLora", () => {
  test("adapted parameters move by scale · B·A, all others stay", async () => {
    const parameters = initialParameters(SMALL, { embeddingStd: 0.1, weightStd: 0.02, seed: 1 });
    const base = {
      names: [...parameters.keys()],
      read: (name: string) => Promise.resolve(new Float32Array(parameters.get(name) ?? [])),
    };
    const adapter = await openLoraDirectory(await save("merge"), SMALL);
    const merged = new Map<string, Float32Array>();
    for await (const [name, weight] of mergeLora(base, adapter)) merged.set(name, weight);
    await adapter.close();

    expect([...merged.keys()]).toEqual(base.names);
    const name = "model.layers.1.self_attn.o_proj.weight";
    const pair = learnedPairs(SETTINGS).get(name);
    const [out, input] = [5, 7];
    const product =
      (pair?.b[out * 2] ?? 0) * (pair?.a[input] ?? 0) +
      (pair?.b[out * 2 + 1] ?? 0) * (pair?.a[32 + input] ?? 0);
    const expected = (parameters.get(name)?.[out * 32 + input] ?? NaN) + (4 / Math.sqrt(2)) * product;
    expect(merged.get(name)?.[out * 32 + input]).toBeCloseTo(expected, 6);
    expect(Math.abs(product)).toBeGreaterThan(0);
    for (const other of base.names.filter((candidate) => !/[qo]_proj/.test(candidate))) {
      expect(merged.get(other)).toEqual(parameters.get(other));
    }
  });

  test("an adapter of a policy with more layers is refused before anything is merged", async () => {
    const adapter = await openLoraDirectory(await save("other"), SMALL);
    const base = {
      names: ["model.layers.0.self_attn.q_proj.weight"],
      read: () => Promise.resolve(new Float32Array(1024)),
    };
    await expect(mergeLora(base, adapter).next()).rejects.toThrow(/layers\.1\.self_attn\.q_proj/);
    await adapter.close();
  });
});
