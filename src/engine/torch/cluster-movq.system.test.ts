/** MoVQ in the workers: the contract of vision tokenizers, and what the model computes in this process. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { SMALL_MOVQ, writeMovqDirectory } from "../../../test/small/movq-directory.ts";
import { EngineError } from "../../errors.ts";
import { picture } from "../../images/picture.ts";
import { Rng } from "../../random.ts";
import { parseMovqConfig } from "../../tokens/movq/config-file.ts";
import { MovqModel } from "../../tokens/movq/movq-model.ts";
import { MovqPictures } from "../../tokens/movq/movq-pictures.ts";
import { openMovqWeights } from "../../tokens/movq/weights.ts";
import { visionContract } from "../../tokens/vision-tokenizer.contract.ts";
import type { EngineHost } from "../engine-host.ts";
import { pythonForTests, TEST_SETTINGS } from "./small-torch.contract.ts";
import { openTorchHost } from "./torch-host.ts";

const python = pythonForTests();

describe.skipIf(python === undefined)("on two ranks", () => {
  let folder = "";
  let host: EngineHost;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "earl-cluster-movq-"));
    await writeMovqDirectory(join(folder, "sound"));
    const settings = { ...TEST_SETTINGS, workers: 2, python: python ?? "" };
    host = await openTorchHost(settings, { logFile: TEST_SETTINGS.logFile });
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  visionContract("MoVQ in workers", {
    open: () => host.openVision(join(folder, "sound")),
    sizes: [
      [4, 4],
      [6, 4],
      [9, 12],
      [8, 16],
    ],
  });

  test("a batch of two sizes, more than a worker takes at once, is what the model makes of each picture here", async () => {
    const file = parseMovqConfig(SMALL_MOVQ, "config.json");
    const read = await openMovqWeights(join(folder, "sound"), file);
    await using here = new MovqPictures(new MovqModel(file.config, read, { threads: 1 }));
    await using there = await host.openVision(join(folder, "sound"));
    const rng = Rng.from(2);
    const pictures = Array.from({ length: 15 }, (_, index) => {
      const [width, height] = index % 3 === 1 ? [12, 8] : [8, 10];
      const pixels = Uint8Array.from({ length: width * height * 3 }, () => rng.integer(256));
      return picture(width, height, pixels);
    });
    const grids = await there.encode(pictures);
    expect(grids).toEqual(await here.encode(pictures));
    const [got, want] = [await there.decode(grids), await here.decode(grids)];
    for (const [index, { width, height, pixels }] of got.entries()) {
      expect([width, height]).toEqual([want[index]!.width, want[index]!.height]);
      // Rounded to 256 steps, after sums in another order.
      for (const [place, value] of pixels.entries())
        expect(Math.abs(value - want[index]!.pixels[place]!)).toBeLessThanOrEqual(1);
    }
  });

  test("weights that are not numbers end the engine with the file's and the tensor's name", async () => {
    await writeMovqDirectory(join(folder, "spoiled"), (name, values) =>
      name === "encoder.conv_in.bias" ? values.fill(Number.NaN, 2, 3) : values,
    );
    await using vision = await host.openVision(join(folder, "spoiled"));
    const encoded = vision.encode([picture(8, 8)]);
    await expect(encoded).rejects.toThrow(EngineError);
    await expect(encoded).rejects.toThrow(/spoiled.*encoder\.conv_in\.bias has values that are not finite/);
  });
});
