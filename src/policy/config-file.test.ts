import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CheckpointError } from "../errors.ts";
import { EMU3_CONFIG, freshPolicyConfig, type PolicyConfig } from "./config.ts";
import { parsePolicyConfig, policyConfigJson, readPolicyConfig } from "./config-file.ts";
import { PolicySettings } from "./policy-settings.ts";
import { EMU3_VOCABULARY } from "../tokens/vocabulary.ts";

const fixtures = join(import.meta.dirname, "../../test/fixtures");

/** config.json of the original Emu3, as configuration_emu3.py writes it. */
const ORIGINAL = {
  model_type: "Emu3",
  architectures: ["Emu3ForCausalLM"],
  auto_map: { AutoConfig: "configuration_emu3.Emu3Config" },
  attention_dropout: 0.1,
  boi_token_id: 151_852,
  bos_token_id: 151_849,
  eof_token_id: 151_847,
  eoi_token_id: 151_853,
  eol_token_id: 151_846,
  eos_token_id: 151_850,
  hidden_act: "silu",
  hidden_size: 4096,
  image_area: 518_400,
  img_token_id: 151_851,
  initializer_range: 0.02,
  intermediate_size: 14_336,
  max_position_embeddings: 9216,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  pad_token_id: 151_643,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  rope_theta: 1_000_000,
  tie_word_embeddings: false,
  torch_dtype: "bfloat16",
  transformers_version: "4.44.0",
  use_cache: true,
  vocab_size: 184_622,
};

const LLAMA = {
  model_type: "llama",
  hidden_size: 64,
  intermediate_size: 96,
  num_attention_heads: 4,
  num_hidden_layers: 2,
  vocab_size: 100,
  tie_word_embeddings: true,
  eos_token_id: [7, 8],
};

async function recorded(): Promise<Record<"textModel" | "conditional", { config: Record<string, unknown> }>> {
  return JSON.parse(await readFile(join(fixtures, "emu3-keys.json"), "utf8")) as Awaited<
    ReturnType<typeof recorded>
  >;
}

describe("parsePolicyConfig", () => {
  test("the original layout is the published Emu3", () => {
    expect(parsePolicyConfig(ORIGINAL, "config.json")).toEqual({
      config: EMU3_CONFIG,
      modelType: "Emu3",
      isNested: false,
      imageArea: 518_400,
    });
  });

  test("transformers' text model is read, rope in rope_parameters", async () => {
    const { config } = await readPolicyConfig(join(fixtures, "emu3-lm"));
    expect(config).toEqual({
      family: "emu3",
      vocabularySize: 384,
      hiddenSize: 64,
      intermediateSize: 112,
      layers: 3,
      heads: 4,
      keyValueHeads: 2,
      headSize: 16,
      normEpsilon: 1e-5,
      ropeTheta: 1_000_000,
      maxPositions: 512,
      bosId: 1,
      eosId: 2,
      padId: 0,
      tieEmbeddings: false,
      initializerRange: 0.02,
    } satisfies PolicyConfig);
  });

  test("what transformers wrote for the text model and the picture-and-text model is the same policy", async () => {
    const { textModel, conditional } = await recorded();
    const text = parsePolicyConfig(textModel.config, "text");
    const nested = parsePolicyConfig(conditional.config, "nested");
    expect(nested.isNested).toBe(true);
    expect(nested.config).toEqual(text.config);
    expect(text.config.ropeTheta).toBe(500);
  });

  test("a nested text_config that leaves sizes out has the class's", () => {
    const json = {
      model_type: "emu3",
      text_config: { model_type: "emu3_text_model", max_position_embeddings: 131_072 },
    };
    expect(parsePolicyConfig(json, "config.json").config).toEqual({ ...EMU3_CONFIG, maxPositions: 131_072 });
  });

  test("a plain LLaMA has LLaMA's defaults, no padding id, the first of its end ids", () => {
    expect(parsePolicyConfig(LLAMA, "config.json").config).toMatchObject({
      family: "llama",
      keyValueHeads: 4,
      headSize: 16,
      ropeTheta: 10_000,
      normEpsilon: 1e-6,
      eosId: 7,
      padId: null,
      tieEmbeddings: true,
    });
  });

  test("a top-level config must give its sizes", () => {
    const { hidden_size: _, ...rest } = ORIGINAL;
    expect(() => parsePolicyConfig(rest, "dir/config.json")).toThrow(/dir\/config\.json[^]*hidden_size/);
  });

  test.each([
    ["an unknown key", { residual_scale: 0.5 }, /residual_scale is a key that earl does not know/],
    ["attention biases", { attention_bias: true }, /attention_bias is true; only false/],
    ["another activation", { hidden_act: "gelu" }, /hidden_act is "gelu"; only "silu"/],
    [
      "scaled rope",
      { rope_scaling: { type: "linear", factor: 2 } },
      /rope_scaling\.type: the kind "linear" is not supported/,
    ],
    [
      "scaled rope, newer form",
      { rope_parameters: { rope_type: "yarn" } },
      /rope_parameters\.rope_type: the kind "yarn"/,
    ],
    ["two thetas", { rope_parameters: { rope_theta: 500 } }, /rope_theta is given twice/],
    ["quantised weights", { quantization_config: { bits: 4 } }, /quantization_config/],
    ["heads that do not divide the width", { num_attention_heads: 33 }, /not a multiple of 33 heads/],
    [
      "groups that do not divide the heads",
      { num_key_value_heads: 5 },
      /not a multiple of 5 key-value heads/,
    ],
    ["an id outside the vocabulary", { pad_token_id: 184_622 }, /pad id 184622 is outside/],
    ["absurdly many layers", { num_hidden_layers: 1e9 }, /num_hidden_layers: more than 1,000, the most/],
    ["an absurd width", { hidden_size: 1e9 }, /hidden_size: more than 131,072/],
    ["an absurd MLP", { intermediate_size: 2 ** 40 }, /intermediate_size: more than/],
    ["an absurd vocabulary", { vocab_size: 1e12 }, /vocab_size: more than/],
    ["absurdly many heads", { num_attention_heads: 1e6 }, /num_attention_heads: more than/],
    ["an absurd head", { head_dim: 1e6 }, /head_dim: more than/],
    [
      "an absurd head that follows",
      { hidden_size: 2 ** 16, num_attention_heads: 2, num_key_value_heads: 2 },
      /head size 32768 is more than/,
    ],
    ["absurdly many positions", { max_position_embeddings: 1e15 }, /max_position_embeddings: more than/],
    ["an absurd picture", { image_area: 1e12 }, /image_area: more than 67,108,864/],
    ["a rotary base that overflows", { rope_theta: 1e300 }, /rope_theta: more than/],
    ["a rotary base that underflows", { rope_theta: 1e-300 }, /rope_theta/],
    ["an epsilon that float32 takes for 0", { rms_norm_eps: 1e-300 }, /rms_norm_eps/],
    ["an infinite epsilon", { rms_norm_eps: Infinity }, /rms_norm_eps/],
    ["a key that every object has", { constructor: 1 }, /constructor is a key that earl does not know/],
    ["a model type that every object has", { model_type: "toString" }, /model_type is "toString"/],
    ["text where a number belongs", { hidden_size: "4096" }, /hidden_size/],
    ["a model of another kind", { model_type: "qwen2" }, /model_type is "qwen2"/],
  ])("%s is refused by name, with the file", (_, change, message) => {
    const parse = (): unknown => parsePolicyConfig({ ...ORIGINAL, ...change }, "dir/config.json");
    expect(parse).toThrow(CheckpointError);
    expect(parse).toThrow(message);
    expect(parse).toThrow("dir/config.json");
  });

  test("all faults are told at once", () => {
    const parse = (): unknown =>
      parsePolicyConfig({ ...ORIGINAL, mlp_bias: true, hidden_act: "relu", zig: 1 }, "f");
    expect(parse).toThrow(/hidden_act[^]*mlp_bias[^]*zig/);
  });
});

describe("policyConfigJson", () => {
  test("what is written is read back the same", () => {
    const sizes = fc.record({
      family: fc.constantFrom("emu3" as const, "llama" as const),
      heads: fc.constantFrom(4, 8),
      keyValueHeads: fc.constantFrom(1, 2, 4),
      headSize: fc.constantFrom(8, 16),
      ropeTheta: fc.double({ min: 1, max: 1e7, noNaN: true }),
      normEpsilon: fc.double({ min: 1e-8, max: 1e-3, noNaN: true }),
      tieEmbeddings: fc.boolean(),
      padId: fc.constantFrom(0, 5),
    });
    fc.assert(
      fc.property(sizes, (change) => {
        const config: PolicyConfig = { ...EMU3_CONFIG, hiddenSize: 64, ...change };
        const json: unknown = JSON.parse(JSON.stringify(policyConfigJson(config)));
        expect(parsePolicyConfig(json, "config.json").config).toEqual(config);
      }),
    );
  });

  test("every key of transformers' own config.json is written with its value", async () => {
    const { textModel } = await recorded();
    const { transformers_version: _, ...theirs } = textModel.config;
    const { config } = parsePolicyConfig(textModel.config, "config.json");
    expect(policyConfigJson(config)).toEqual({ ...theirs, rope_theta: 500, torch_dtype: "float32" });
  });
});

describe("readPolicyConfig", () => {
  test("a directory without config.json is named", async () => {
    await expect(readPolicyConfig(join(fixtures, "nowhere"))).rejects.toThrow(/nowhere.config\.json/);
  });
});

describe("freshPolicyConfig", () => {
  test("settings and vocabulary make a config", () => {
    const config = freshPolicyConfig(PolicySettings.parse({}), EMU3_VOCABULARY, 128);
    expect(config).toMatchObject({
      vocabularySize: 184_622,
      hiddenSize: 96,
      headSize: 24,
      padId: 151_643,
      maxPositions: 128,
    });
  });

  test.each([
    { hiddenSize: 1e9 },
    { layers: 1e9 },
    { heads: 1e9 },
    { keyValueHeads: 1e9 },
    { intermediateSize: 1e9 },
    { ropeTheta: 1e300 },
    { normEpsilon: 1e-300 },
    { weightStd: 1e30 },
    { embeddingStd: 1e30 },
    { lora: { rank: 1e9 } },
    { lora: { alpha: 2 ** 31 } },
  ])("%j is no setting of a policy", (settings) => {
    expect(PolicySettings.safeParse(settings).success).toBe(false);
  });

  test("sizes that do not fit are refused", () => {
    const settings = PolicySettings.parse({ hiddenSize: 100, heads: 3 });
    expect(() => freshPolicyConfig(settings, EMU3_VOCABULARY, 128)).toThrow(
      /100 is not a multiple of 3 heads/,
    );
  });
});
