import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CheckpointError, DataError } from "../../errors.ts";
import { picture, type Picture } from "../../images/picture.ts";
import { SafetensorsWriter } from "../../policy/safetensors-writer.ts";
import { Rng } from "../../random.ts";
import { compile } from "../../tensor/compile.ts";
import { gradients } from "../../tensor/gradient.ts";
import { multiply } from "../../tensor/ops/elementwise.ts";
import { input } from "../../tensor/ops/leaves.ts";
import { sum } from "../../tensor/ops/broadcast.ts";
import { Session } from "../../tensor/session.ts";
import type { Value } from "../../tensor/value.ts";
import { openVisionTokenizer } from "../open-vision-tokenizer.ts";
import { EMU3_MOVQ_CONFIG, type MovqConfig } from "./config.ts";
import { parseMovqConfig } from "./config-file.ts";
import { decodeCodes } from "./decoder.ts";
import { encodePictures } from "./encoder.ts";
import { MovqModel } from "./movq-model.ts";
import { MovqPictures } from "./movq-pictures.ts";
import { MovqTokenizer } from "./movq-tokenizer.ts";
import { movqName } from "./names.ts";
import { allMovqShapes, initialMovqParameters, movqParameterCount, parameterInputs } from "./parameters.ts";

const JSON_CONFIG = {
  model_type: "Emu3VisionVQ",
  codebook_size: 50,
  ch: 32,
  ch_mult: [1, 1],
  num_res_blocks: 1,
  attn_resolutions: [],
  dropout: 0,
};
const { config: CONFIG } = parseMovqConfig(JSON_CONFIG, "config.json");

function randomPicture(width: number, height: number): Picture {
  const rng = Rng.from(3, width, height);
  return picture(
    width,
    height,
    Uint8Array.from({ length: width * height * 3 }, () => rng.integer(256)),
  );
}

function freshTokenizer(config: MovqConfig, counted: string[] = []): MovqTokenizer {
  const parameters = initialMovqParameters(config, 1);
  const read = (names: Iterable<string>): Promise<ReadonlyMap<string, Float32Array>> => {
    const wanted = [...names];
    counted.push(...wanted);
    return Promise.resolve(new Map(wanted.map((name) => [name, parameters.get(name) as Float32Array])));
  };
  const pictures = new MovqPictures(new MovqModel(config, read, { threads: 1 }));
  return new MovqTokenizer(config, pictures, "nowhere");
}

describe("MovqTokenizer", () => {
  test("makes a grid by rounding both sides down, and pictures of that grid", async () => {
    await using tokenizer = freshTokenizer(CONFIG);
    const source = randomPicture(9, 6);
    const [grid] = await tokenizer.encode([source]);
    expect(grid).toMatchObject({ rows: 3, columns: 4 });
    expect(tokenizer.gridOf(9, 6)).toEqual({ rows: 3, columns: 4 });
    expect(grid?.codes.every((code) => code >= 0 && code < 50)).toBe(true);
    const [back] = await tokenizer.decode(grid === undefined ? [] : [grid]);
    expect(back).toMatchObject({ width: 8, height: 6 });
  });

  test("gives a picture the same codes alone, among others, and again after other sizes", async () => {
    await using tokenizer = freshTokenizer(CONFIG);
    const sizes = [
      [4, 4],
      [6, 4],
      [4, 6],
      [8, 4],
      [4, 8],
    ] as const;
    const pictures = sizes.map(([width, height]) => randomPicture(width, height));
    const together = await tokenizer.encode(pictures);
    const apart = await Promise.all(pictures.map((one) => tokenizer.encode([one])));
    expect(apart.flat()).toEqual(together);
  });

  test("reads only the half that is used, and that once", async () => {
    const read: string[] = [];
    await using tokenizer = freshTokenizer(CONFIG, read);
    await tokenizer.encode([randomPicture(4, 4), randomPicture(6, 6)]);
    expect(new Set(read).size).toBe(read.length);
    expect(read.some((name) => name.startsWith("decoder."))).toBe(false);
  });

  test("refuses pictures and grids that do not fit, before any work", async () => {
    const read: string[] = [];
    await using tokenizer = freshTokenizer(CONFIG, read);
    expect(() => tokenizer.gridOf(8, 1)).toThrow(DataError);
    await expect(tokenizer.encode([randomPicture(4, 4), randomPicture(1, 9)])).rejects.toThrow("too small");
    await expect(tokenizer.decode([{ rows: 1, columns: 2, codes: Int32Array.of(1) }])).rejects.toThrow(
      "2 codes",
    );
    await expect(tokenizer.decode([{ rows: 1, columns: 1, codes: Int32Array.of(50) }])).rejects.toThrow(
      "Code 50",
    );
    expect(read).toEqual([]);
  });
});

describe("parameters", () => {
  test("of the published config are 270,740,287", () => {
    expect(movqParameterCount(EMU3_MOVQ_CONFIG)).toBe(270_740_287);
  });

  test("depend on the seed alone", () => {
    const name = "encoder.conv_in.weight";
    const first = initialMovqParameters(CONFIG, 1).get(name);
    expect(initialMovqParameters(CONFIG, 1).get(name)).toEqual(first);
    expect(initialMovqParameters(CONFIG, 2).get(name)).not.toEqual(first);
  });

  test.each(["encoder", "decoder"] as const)(
    "of the %s have gradients that a small step confirms",
    async (half) => {
      const { parameters, shapes } = parameterInputs();
      const values = initialMovqParameters(CONFIG, 4);
      const output =
        half === "encoder"
          ? encodePictures(CONFIG, parameters, input("pixels", [1, 3, 4, 4])).latents
          : decodeCodes(CONFIG, parameters, input("codes", [1, 2, 2], "int64"));
      const loss = sum(multiply(output, output));
      const given =
        half === "encoder"
          ? { pixels: Float32Array.from({ length: 48 }, (_, index) => Math.sin(index)) }
          : { codes: BigInt64Array.of(3n, 14n, 15n, 9n) };
      const feeds = { ...Object.fromEntries(values), ...given };
      // One of each kind of layer: a window, a matrix of attention, a batch norm's scale, a convolution in time.
      const names = [...shapes.keys()].filter((name) =>
        /conv_in\.weight|mid\.attn_1\.q\.weight|time_res_stack\.0\.norm1\.weight|time_conv\.0\.conv\.conv\.weight|mid\.block_2\.conv2\.bias/.test(
          name,
        ),
      );
      expect(names).toHaveLength(5);
      const slopes = gradients(
        loss,
        names.map((name) => parameters(name, shapes.get(name) ?? [])),
      );
      const outputs: Record<string, Value> = Object.fromEntries(
        slopes.map((slope, index) => [`slope${index}`, slope]),
      );
      await using backward = await Session.open(compile(outputs), { threads: 1 });
      await using forward = await Session.open(compile({ loss }), { threads: 1 });
      const exact = await backward.run(feeds);
      for (const [index, name] of names.entries()) {
        const slope = exact[`slope${index}`] as Float32Array;
        const steepest = slope.reduce(
          (best, value, at) => (Math.abs(value) > Math.abs(slope[best] as number) ? at : best),
          0,
        );
        const array = values.get(name) as Float32Array;
        const middle = array[steepest] as number;
        const lossAt = async (offset: number): Promise<number> => {
          array[steepest] = middle + offset;
          return Number((await forward.run(feeds))["loss"]?.[0]);
        };
        const step = 3e-3;
        const near = (await lossAt(step)) - (await lossAt(-step));
        const far = (await lossAt(2 * step)) - (await lossAt(-2 * step));
        array[steepest] = middle;
        const measured = (8 * near - far) / (12 * step);
        expect(Math.abs(measured - (slope[steepest] as number))).toBeLessThan(
          0.02 * Math.abs(measured) + 2e-5,
        );
      }
    },
  );
});

describe("movqName", () => {
  test.each([
    ["vqmodel.encoder.down_block.down.3.attn_norms.1.weight", "encoder.down.3.attn.1.norm.weight"],
    ["model.vqmodel.decoder.middle_block.attn_norm.conv_y.bias", "decoder.mid.attn_1.norm.conv_y.bias"],
    [
      "model.vqmodel.decoder.up_block.up.0.block.2.nin_shortcut.weight",
      "decoder.up.0.block.2.nin_shortcut.weight",
    ],
    ["vqmodel.encoder.middle_block.attn_1.out_proj.weight", "encoder.mid.attn_1.proj_out.weight"],
    ["text_model.model.layers.0.self_attn.q_proj.weight", undefined],
    ["vqmodel.encoder.time_res_stack.0.norm1.num_batches_tracked", undefined],
  ])("reads %s as %s", (stored, name) => {
    expect(movqName(stored, true)).toBe(name);
  });
});

describe("parseMovqConfig", () => {
  test("takes what a file leaves out from the published config", () => {
    expect(parseMovqConfig({ model_type: "Emu3VisionVQ" }, "config.json").config).toEqual(EMU3_MOVQ_CONFIG);
    expect(parseMovqConfig({ model_type: "emu3" }, "config.json")).toEqual({
      config: EMU3_MOVQ_CONFIG,
      isNested: true,
    });
  });

  test.each([
    [{ ...JSON_CONFIG, double_z: true }, "double_z"],
    [{ ...JSON_CONFIG, z_channels: 8 }, "z_channels is 8 and embed_dim 4"],
    [{ ...JSON_CONFIG, ch: 48 }, "48 channels"],
    [{ ...JSON_CONFIG, temporal_downsample_factor: 3 }, "power of two"],
    [{ ...JSON_CONFIG, chanels: 3 }, "chanels"],
    [{ ...JSON_CONFIG, codebook_size: 1e9 }, "codebook_size"],
    [{ ...JSON_CONFIG, num_res_blocks: 1e9 }, "num_res_blocks"],
    [{ ...JSON_CONFIG, ch: 1e9 }, "ch: "],
    [{ ...JSON_CONFIG, ch: 2 ** 14, ch_mult: [1, 64] }, "stage 1 has 1048576 channels"],
    [{ ...JSON_CONFIG, ch_mult: Array(1e5).fill(1) }, "ch_mult"],
    [{ ...JSON_CONFIG, temporal_downsample_factor: 2 ** 40 }, "temporal_downsample_factor"],
    [{ ...JSON_CONFIG, in_channels: 1e12 }, "in_channels"],
    [{ model_type: "emu3", vq_config: { hidden_size: 512 } }, "hidden_size is 512"],
    [{ model_type: "emu3", vq_config: 3 }, "describes no MoVQ"],
    [{ model_type: "llama" }, "describes no MoVQ"],
  ])("refuses %o, naming %s", (json, words) => {
    expect(() => parseMovqConfig(json, "config.json")).toThrow(words);
  });
});

describe("openVisionTokenizer", () => {
  let directory = "";
  const stored = [...allMovqShapes(CONFIG)].map(([name, shape]) => ({ name, shape }));

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "earl-movq-"));
    await writeFile(join(directory, "config.json"), JSON.stringify(JSON_CONFIG));
  });
  afterAll(() => rm(directory, { recursive: true }));

  async function save(
    tensors: readonly { readonly name: string; readonly shape: readonly number[] }[],
  ): Promise<void> {
    const parameters = initialMovqParameters(CONFIG, 1);
    const path = join(directory, "model.safetensors");
    await rm(path, { force: true });
    const writer = await SafetensorsWriter.create(path, tensors, "F32");
    for (const { name } of tensors) await writer.write(name, parameters.get(name) ?? new Float32Array(1));
    await writer.finish();
  }

  test("opens Emu3's layout, and again through the file that a checkpoint keeps", async () => {
    await save(stored);
    await using tokenizer = await openVisionTokenizer(directory);
    const elsewhere = await mkdtemp(join(tmpdir(), "earl-movq-"));
    for (const [name, content] of tokenizer.files()) await writeFile(join(elsewhere, name), content);
    expect(await readFile(join(elsewhere, "vision_tokenizer.json"), "utf8")).toContain(directory);

    await using fresh = freshTokenizer(CONFIG);
    const pictures = [randomPicture(6, 4)];
    const expected = await fresh.encode(pictures);
    await using again = await openVisionTokenizer(elsewhere);
    expect(await again.encode(pictures)).toEqual(expected);
    expect(await tokenizer.encode(pictures)).toEqual(expected);
    await rm(elsewhere, { recursive: true });
  });

  test("says where a tokenizer that a checkpoint refers to should lie", async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), "earl-movq-"));
    const reference = { kind: "movq", directory: join(elsewhere, "gone") };
    await writeFile(join(elsewhere, "vision_tokenizer.json"), JSON.stringify(reference));
    await expect(openVisionTokenizer(elsewhere)).rejects.toThrow("gone, which is not there");
    await rm(elsewhere, { recursive: true });
  });

  test("names every missing, misshapen and unexpected tensor with its file in one error", async () => {
    const changed = stored
      .filter(({ name }) => name !== "decoder.conv_out.bias")
      .map((tensor) => (tensor.name === "quant_conv.conv.bias" ? { ...tensor, shape: [1] } : tensor));
    const parameters = initialMovqParameters(CONFIG, 1);
    const path = join(directory, "model.safetensors");
    await rm(path, { force: true });
    const planned = [...changed, { name: "decoder.extra", shape: [1] }];
    const writer = await SafetensorsWriter.create(path, planned, "F32");
    for (const { name, shape } of planned) {
      await writer.write(
        name,
        shape[0] === 1 && shape.length === 1 ? new Float32Array(1) : (parameters.get(name) as Float32Array),
      );
    }
    await writer.finish();
    const opened = openVisionTokenizer(directory);
    await expect(opened).rejects.toThrow(CheckpointError);
    await expect(opened).rejects.toThrow(`decoder.conv_out.bias: missing from ${path}`);
    await expect(opened).rejects.toThrow(`quant_conv.conv.bias: in ${path} it is [1], config.json needs [4]`);
    await expect(opened).rejects.toThrow(`decoder.extra: in ${path}, but`);
  });
});
