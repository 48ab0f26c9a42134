/** MoVQ as it is opened from a directory: in a thread of its own. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { SMALL_MOVQ, writeMovqDirectory } from "../../../test/small/movq-directory.ts";
import { CheckpointError, EngineError } from "../../errors.ts";
import { picture } from "../../images/picture.ts";
import { openVisionTokenizer } from "../open-vision-tokenizer.ts";
import { visionContract } from "../vision-tokenizer.contract.ts";
import { parseMovqConfig } from "./config-file.ts";
import { MovqModel } from "./movq-model.ts";
import { MovqPictures } from "./movq-pictures.ts";
import { initialMovqParameters } from "./parameters.ts";

let folder = "";
const sound = (): string => join(folder, "sound");
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-movq-thread-"));
  await writeMovqDirectory(sound());
});
afterAll(() => rm(folder, { recursive: true }));

visionContract("MoVQ", {
  open: () => openVisionTokenizer(sound()),
  sizes: [
    [4, 4],
    [6, 4],
    [9, 12],
    [8, 16],
  ],
});

describe("MoVQ in a thread", () => {
  test("gives what the model gives in this one", async () => {
    const { config } = parseMovqConfig(SMALL_MOVQ, "config.json");
    const parameters = initialMovqParameters(config, 1);
    const read = async (names: Iterable<string>): Promise<Map<string, Float32Array>> =>
      new Map(Array.from(names, (name) => [name, parameters.get(name)!]));
    await using here = new MovqPictures(new MovqModel(config, read));
    await using there = await openVisionTokenizer(sound());
    const pictures = [picture(8, 6), picture(16, 12)];
    const grids = await there.encode(pictures);
    expect(grids).toEqual(await here.encode(pictures));
    expect(await there.decode(grids)).toEqual(await here.decode(grids));
  });

  test("leaves the event loop of this one free while a picture is worked on", async () => {
    await using tokenizer = await openVisionTokenizer(sound());
    await tokenizer.encode([picture(4, 4)]);
    let ticks = 0;
    const timer = setInterval(() => {
      ticks += 1;
    }, 1);
    const start = performance.now();
    await tokenizer.encode([picture(256, 256)]);
    const milliseconds = performance.now() - start;
    clearInterval(timer);
    // Long enough to tell: in this thread not a single tick would come while onnxruntime computes.
    expect(milliseconds).toBeGreaterThan(100);
    expect(ticks).toBeGreaterThan(milliseconds / 50);
  });

  test("says of weights that cannot be used what reading them here would say", async () => {
    const spoilt = join(folder, "spoilt");
    await writeMovqDirectory(spoilt, (name, values) =>
      name === "encoder.conv_in.bias" ? values.fill(Number.NaN) : values,
    );
    await using tokenizer = await openVisionTokenizer(spoilt);
    const attempt = tokenizer.encode([picture(4, 4)]);
    await expect(attempt).rejects.toThrow(CheckpointError);
    await expect(attempt).rejects.toThrow("encoder.conv_in.bias is not finite");
  });

  test("ends with its tokenizer, which then refuses to work", async () => {
    const tokenizer = await openVisionTokenizer(sound());
    const [grid] = await tokenizer.encode([picture(4, 4)]);
    await tokenizer[Symbol.asyncDispose]();
    await expect(tokenizer.decode([grid!])).rejects.toThrow(EngineError);
    await expect(tokenizer.decode([grid!])).rejects.toThrow("is closed");
  });
});
