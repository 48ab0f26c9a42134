import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CheckpointError } from "../errors.ts";
import { EMU3_CONFIG, type PolicyConfig } from "./config.ts";
import { initialParameters, parameterShapes } from "./parameters.ts";
import { openPolicyDirectory } from "./policy-directory.ts";
import { SafetensorsWriter } from "./safetensors-writer.ts";
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
  readonly conditional: {
    readonly config: unknown;
    readonly fileKeys: string[];
    readonly attributeKeys: string[];
  };
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

/** Writes tensors of these names and shapes as the weights of SMALL. */
async function weightsOf(
  name: string,
  tensors: readonly { name: string; shape: readonly number[] }[],
): Promise<string> {
  const directory = join(folder, name);
  await savePolicyDirectory(directory, SMALL, parameters);
  const writer = await SafetensorsWriter.create(join(directory, "model.safetensors"), tensors, "F32");
  for (const { name: tensor, shape } of tensors) {
    await writer.write(tensor, new Float32Array(shape.reduce((a, b) => a * b, 1)));
  }
  await writer.finish();
  return directory;
}

describe("openPolicyDirectory", () => {
  test("what transformers wrote is read", async () => {
    const policy = await openPolicyDirectory(join(fixtures, "emu3-lm"));
    expect(policy.names).toHaveLength(30);
    expect(policy.skipped).toEqual([]);
    expect((await policy.read("model.layers.2.mlp.down_proj.weight")).length).toBe(64 * 112);
    await expect(policy.read("model.layers.3.mlp.down_proj.weight")).rejects.toThrow(
      /no parameter model\.layers\.3/,
    );
    await policy.close();
  });

  test.each(["fileKeys", "attributeKeys"] as const)(
    "the text model inside Emu3ForConditionalGeneration is found (%s), its vision tokenizer left alone",
    async (form) => {
      const keys = recorded.conditional[form];
      const shapes = new Map(
        parameterShapes(SMALL).map(({ name, shape }) => [name.replace(/^model\./, ""), shape]),
      );
      const tensors = keys.map((name) => ({
        name,
        shape: shapes.get(name.replace(/^(model\.)?(text_model\.)?(model\.)?/, "")) ?? [1],
      }));
      const directory = await weightsOf(form, tensors);
      await writeFile(join(directory, "config.json"), JSON.stringify(recorded.conditional.config));
      const policy = await openPolicyDirectory(directory);
      expect(policy.names).toEqual(parameterShapes(SMALL).map(({ name }) => name));
      expect(policy.skipped).toHaveLength(keys.length - 21);
      expect(policy.skipped.every((name) => name.includes("vqmodel."))).toBe(true);
      expect((await policy.read("lm_head.weight")).length).toBe(200 * 32);
      await policy.close();
    },
  );

  test("missing, unexpected, doubled and misshapen tensors are told together, each with its file", async () => {
    const tensors = parameterShapes(SMALL)
      .filter(({ name }) => name !== "model.norm.weight" && name !== "lm_head.weight")
      .map(({ name, shape }) => ({ name, shape: name.endsWith("k_proj.weight") ? [4, 32] : shape }));
    const directory = await weightsOf("faulty", [
      ...tensors,
      { name: "model.layers.2.self_attn.q_proj.weight", shape: [32, 32] },
      { name: "model.layers.0.self_attn.q_proj.bias", shape: [32] },
      { name: "text_model.model.embed_tokens.weight", shape: [200, 32] },
    ]);
    const attempt = openPolicyDirectory(directory);
    await expect(attempt).rejects.toThrow(CheckpointError);
    const message = await attempt.catch((error: unknown) => (error as Error).message);
    const file = join(directory, "model.safetensors");
    for (const line of [
      `model.norm.weight: missing from ${file}`,
      `lm_head.weight: missing from ${file}, and tie_word_embeddings is false`,
      `model.layers.0.self_attn.k_proj.weight: in ${file} it is [4, 32], config.json needs [16, 32]`,
      `model.layers.1.self_attn.k_proj.weight: in ${file} it is [4, 32], config.json needs [16, 32]`,
      `model.layers.2.self_attn.q_proj.weight: in ${file}, but a policy of this config has no such parameter`,
      `model.layers.0.self_attn.q_proj.bias: in ${file}, but a policy of this config has no such parameter`,
      `text_model.model.embed_tokens.weight: in ${file}, and the same parameter as model.embed_tokens.weight in ${file}`,
    ]) {
      expect(message).toContain(line);
    }
  });

  test.each([
    ["F32", -Infinity],
    ["BF16", NaN],
    ["F16", NaN],
  ] as const)("a weight that is not finite is refused when it is read (%s)", async (type, value) => {
    const damaged = new Map([...parameters].map(([name, values]) => [name, values.slice()]));
    damaged.get("model.norm.weight")?.fill(value, 3, 5);
    const directory = join(folder, `not-finite-${type}`);
    await savePolicyDirectory(directory, SMALL, damaged, { type });
    const policy = await openPolicyDirectory(directory);
    await policy.read("lm_head.weight");
    await expect(policy.read("model.norm.weight")).rejects.toThrow(
      `${join(directory, "model.safetensors")}: model.norm.weight is not finite: 2 of its 32 values are NaN or infinite.`,
    );
    await policy.close();
  });

  test("a tied policy needs no head, skips one that lies there, and misses its embedding", async () => {
    const tied = { ...SMALL, tieEmbeddings: true };
    const withoutHead = new Map([...parameters].filter(([name]) => name !== "lm_head.weight"));
    const directory = join(folder, "tied");
    await savePolicyDirectory(directory, tied, withoutHead);
    const policy = await openPolicyDirectory(directory);
    expect(policy.names).toEqual([...withoutHead.keys()]);
    await policy.close();

    const plain = await weightsOf("tied-head", parameterShapes(SMALL));
    const config = await readFile(join(directory, "config.json"));
    await writeFile(join(plain, "config.json"), config);
    const withHead = await openPolicyDirectory(plain);
    expect(withHead.skipped).toEqual(["lm_head.weight"]);
    await withHead.close();

    const bare = await weightsOf("tied-bare", parameterShapes(tied).slice(1));
    await writeFile(join(bare, "config.json"), config);
    await expect(openPolicyDirectory(bare)).rejects.toThrow(
      /embed_tokens\.weight: missing from .*, and the head is tied/,
    );
  });

  test("shards and index that disagree are refused, all disagreements at once", async () => {
    const directory = join(folder, "broken-index");
    await savePolicyDirectory(directory, SMALL, parameters, { maxShardBytes: 20_000 });
    const index = (await json("broken-index", "model.safetensors.index.json")) as {
      weight_map: Record<string, string>;
    };
    const shards = [...new Set(Object.values(index.weight_map))];
    await rm(join(directory, shards[1] ?? ""));
    delete index.weight_map["model.norm.weight"];
    index.weight_map["model.extra.weight"] = shards[2] ?? "";
    index.weight_map["model.outside.weight"] = "../elsewhere.safetensors";
    await writeFile(join(directory, "model.safetensors.index.json"), JSON.stringify(index));
    const message = await openPolicyDirectory(directory).catch((error: unknown) => (error as Error).message);
    expect(message).toContain(`${join(directory, shards[1] ?? "")} is listed by the index but not there`);
    expect(message).toContain("model.norm.weight: in ");
    expect(message).toContain("model.extra.weight: the index says ");
    expect(message).toContain("../elsewhere.safetensors is not the name of a file beside it");
  });

  test("a truncated shard is found on opening", async () => {
    const directory = join(folder, "cut");
    await savePolicyDirectory(directory, SMALL, parameters);
    await truncate(join(directory, "model.safetensors"), 50_000);
    await expect(openPolicyDirectory(directory)).rejects.toThrow(
      /model\.safetensors is damaged:[^]*the file ends/,
    );
  });

  test("a directory without weights, or with pickled ones, says so", async () => {
    const directory = join(folder, "weightless");
    await savePolicyDirectory(directory, SMALL, parameters);
    await rm(join(directory, "model.safetensors"));
    await expect(openPolicyDirectory(directory)).rejects.toThrow(/neither model\.safetensors nor/);
    await writeFile(join(directory, "pytorch_model.bin"), "");
    await expect(openPolicyDirectory(directory)).rejects.toMatchObject({
      hint: expect.stringContaining("pickled") as unknown,
    });
    await mkdir(join(folder, "empty"));
    await expect(openPolicyDirectory(join(folder, "empty"))).rejects.toThrow(/Cannot read .*config\.json/);
  });
});
