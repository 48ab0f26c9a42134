import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FIXTURES } from "../../test/perturbed-recording.ts";
import { decodePicture } from "../images/codec.ts";
import { picture } from "../images/picture.ts";
import { ClipModel } from "./clip-model.ts";
import { cosine } from "./encoder.ts";
import { openEncoder } from "./open-encoder.ts";
import { VitModel } from "./vit-model.ts";

const METRICS = join(FIXTURES, "metrics");
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "earl-encoders "));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A copy of a model with another config.json. */
function copyWith(model: "clip" | "dino", change: (config: Record<string, unknown>) => void): string {
  const copy = mkdtempSync(join(folder, model));
  cpSync(join(METRICS, model), copy, { recursive: true });
  const path = join(copy, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  change(config);
  writeFileSync(path, JSON.stringify(config));
  return copy;
}

describe("an encoder in its thread", () => {
  test("says the same of a picture alone and among others, and asks once", async () => {
    await using clip = await openEncoder("clip", join(METRICS, "clip"), 1);
    const pictures = await Promise.all(
      [0, 1, 2].map((index) =>
        decodePicture(readFileSync(join(METRICS, `pairs/${index}-source.png`)), "source"),
      ),
    );
    const together = await clip.pictures([...pictures, pictures[0]!]);
    expect(together[3]).toBe(together[0]);
    const [alone] = await clip.pictures([{ ...pictures[1]! }]);
    expect(cosine(alone!, together[1]!)).toBeCloseTo(1, 6);
    expect(cosine(together[0]!, together[2]!)).toBeLessThan(0.999);
    const [long, short] = await clip.texts(["a red cup on a green table in the snow", "cat"]);
    const [again] = await clip.texts(["cat"]);
    expect(again).toBe(short);
    expect(cosine(long!, short!)).toBeLessThan(0.999);
    expect(await clip.logitScale()).toBeCloseTo(14.284856, 4);
  });

  test("tells at once what is missing beside the weights", async () => {
    const bare = copyWith("clip", () => {});
    rmSync(join(bare, "preprocessor_config.json"));
    await expect(openEncoder("clip", bare)).rejects.toThrow(/Cannot read .*preprocessor_config\.json/);
  });

  test("tells what is wrong with its folder", async () => {
    await expect(openEncoder("dino", join(folder, "nowhere"))).rejects.toThrow("There is no folder");
    await expect(openEncoder("dino", join(METRICS, "clip"))).rejects.toThrow("is not the config of a ViT");
    await expect(openEncoder("clip", join(METRICS, "dino"))).rejects.toThrow("is not the config of a CLIP");
  });
});

describe("a model", () => {
  test("lists every weight that does not fit its config", async () => {
    const wide = copyWith("dino", (config) => {
      config["intermediate_size"] = 65;
      config["num_hidden_layers"] = 4;
    });
    await expect(VitModel.open(wide)).rejects.toThrow(
      /encoder\.layer\.0\.intermediate\.dense\.weight: in .* it is \[64, 32\], config\.json needs \[65, 32\].*encoder\.layer\.3/s,
    );
  });

  test("refuses preprocessing for another size, heads that do not divide, and an activation that it does not know", async () => {
    const larger = copyWith("clip", (config) => {
      (config["vision_config"] as Record<string, unknown>)["image_size"] = 64;
    });
    await expect(ClipModel.open(larger)).rejects.toThrow(
      "gives pictures of 32 × 32, the model takes 64 × 64",
    );
    const heads = copyWith("dino", (config) => (config["num_attention_heads"] = 5));
    await expect(VitModel.open(heads)).rejects.toThrow("5 heads do not divide a width of 32");
    const activation = copyWith("dino", (config) => (config["hidden_act"] = "swish"));
    await expect(VitModel.open(activation)).rejects.toThrow("hidden_act");
  });

  test("takes pictures of any shape", async () => {
    await using dino = await VitModel.open(join(METRICS, "dino"), 1);
    const pictures = [picture(1, 1), picture(300, 2), picture(3, 500)];
    for (const vector of await dino.pictures(pictures)) expect(vector.every(Number.isFinite)).toBe(true);
  });
});
