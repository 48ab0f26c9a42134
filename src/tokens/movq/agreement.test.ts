/**
 * Agreement with the systems that wrote the weights. transformers' recording is small and lies in the repository
 * (record.py beside it); Emu3's own code was recorded at 4 MB, so that one is compared where the shared folder is.
 */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { SafetensorsFile } from "../../policy/safetensors.ts";
import { readMovqConfig } from "./config-file.ts";
import { MovqModel } from "./movq-model.ts";
import { openMovqWeights } from "./weights.ts";

const transformers = fileURLToPath(new URL("../../../test/fixtures/movq", import.meta.url));
const original = fileURLToPath(new URL("../../../../shared/fixtures/movq", import.meta.url));

const TOLERANCE = 1e-3;

async function openModel(directory: string): Promise<MovqModel> {
  const file = await readMovqConfig(directory);
  return new MovqModel(file.config, await openMovqWeights(directory, file), { threads: 1 });
}

interface Recording {
  readonly shape: (name: string) => readonly number[];
  readonly floats: (name: string) => Promise<Float32Array>;
  readonly codes: (name: string) => Promise<Int32Array>;
  readonly close: () => Promise<void>;
}

async function openRecording(directory: string): Promise<Recording> {
  const file = await SafetensorsFile.open(`${directory}/expected.safetensors`);
  return {
    shape: (name) => file.entries.get(name)?.shape ?? [],
    floats: (name) => file.read(name),
    codes: async (name) => Int32Array.from((await file.readRaw(name)).values as BigInt64Array, Number),
    close: () => file.close(),
  };
}

function expectClose(got: Float32Array, expected: Float32Array): void {
  expect(got.length).toBe(expected.length);
  const differences = got.map((value, index) => Math.abs(value - (expected[index] as number)));
  expect(Math.max(...differences)).toBeLessThan(TOLERANCE);
}

describe("a vision tokenizer that transformers saved inside Emu3ForConditionalGeneration", () => {
  test("encodes a picture whose sides are no multiple of a code to the recorded codes", async () => {
    await using model = await openModel(transformers);
    const recording = await openRecording(transformers);
    const [, height, width] = recording.shape("pixels") as [number, number, number];
    const { rows, columns, codes, latents } = await model.encode(
      await recording.floats("pixels"),
      height,
      width,
    );
    expect([rows, columns]).toEqual(recording.shape("encoded"));
    expect(codes).toEqual(await recording.codes("encoded"));
    expectClose(latents, await recording.floats("latents"));
    await recording.close();
  });

  test("decodes codes to the recorded pixels", async () => {
    await using model = await openModel(transformers);
    const recording = await openRecording(transformers);
    const [rows, columns] = recording.shape("codes") as [number, number];
    const pixels = await model.decode(await recording.codes("codes"), { rows, columns });
    expectClose(pixels, await recording.floats("decoded"));
    await recording.close();
  });
});

describe.skipIf(!existsSync(original))(
  "a vision tokenizer that Emu3's own code saved (shared/fixtures/movq)",
  () => {
    test("encodes and decodes as recorded", async () => {
      await using model = await openModel(original);
      const recording = await openRecording(original);
      const [pictures, channels, height, width] = recording.shape("pixels") as [
        number,
        number,
        number,
        number,
      ];
      const [pixels, latents, decoded, codes] = await Promise.all([
        recording.floats("pixels"),
        recording.floats("pre_quant"),
        recording.floats("decoded"),
        recording.codes("codes"),
      ]);
      const part = <Data extends Float32Array | Int32Array>(all: Data, index: number): Data =>
        all.slice((index * all.length) / pictures, ((index + 1) * all.length) / pictures) as Data;
      expect(channels).toBe(3);
      for (let index = 0; index < pictures; index += 1) {
        const encoded = await model.encode(part(pixels, index), height, width);
        expect(encoded.codes).toEqual(part(codes, index));
        expectClose(encoded.latents, part(latents, index));
        expectClose(await model.decode(encoded.codes, encoded), part(decoded, index));
      }
      await recording.close();
    });

    test("decodes codes that no picture gave", async () => {
      await using model = await openModel(original);
      const recording = await openRecording(original);
      const [, rows, columns] = recording.shape("codes_only") as [number, number, number];
      const pixels = await model.decode(await recording.codes("codes_only"), { rows, columns });
      expectClose(pixels, await recording.floats("decoded_only"));
      await recording.close();
    });
  },
);
