/** An optimizer's state on disk: what was saved comes back, and anything else is refused before it is used. */

import { cpSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { CheckpointError } from "../../errors.ts";
import { freshPolicyConfig } from "../../policy/config.ts";
import { initialParameters } from "../../policy/parameters.ts";
import { SafetensorsWriter } from "../../policy/safetensors-writer.ts";
import { openCheckpoint, saveEngine } from "./engine-checkpoint.ts";
import { policyParts } from "./policy-parts.ts";

const SIZES = {
  hiddenSize: 8,
  layers: 1,
  heads: 2,
  keyValueHeads: 2,
  intermediateSize: 8,
  ropeTheta: 500,
  normEpsilon: 1e-5,
  weightStd: 0.2,
};
const CONFIG = freshPolicyConfig(SIZES, { size: 12, pad: 0, bos: 1, eos: 2 }, 16);
const POLICY = { config: CONFIG };
const SHAPES = policyParts(POLICY).trained;
const filled = (value: number): Map<string, Float32Array> =>
  new Map(
    SHAPES.map(({ name, shape }) => [
      name,
      new Float32Array(shape.reduce((size, dimension) => size * dimension, 1)).fill(value),
    ]),
  );

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-optimizer-"));
  await mkdir(join(folder, "sound"));
  await saveEngine(join(folder, "sound"), {
    policy: POLICY,
    parameters: initialParameters(CONFIG, { embeddingStd: 0.1, weightStd: 0.1, seed: 1 }),
    optimizer: { step: 7, firstMoments: filled(-0.5), secondMoments: filled(0.25) },
    base: null,
  });
});
afterAll(() => rm(folder, { recursive: true }));

async function copy(name: string): Promise<string> {
  const place = join(folder, name);
  cpSync(join(folder, "sound"), place, { recursive: true });
  return place;
}

describe("openCheckpoint", () => {
  test("gives back what was saved", async () => {
    const opened = await openCheckpoint(join(folder, "sound"), POLICY);
    expect(opened.optimizer?.step).toBe(7);
    for (const { name } of SHAPES) {
      expect(await opened.optimizer?.firstMoments.read(name)).toEqual(filled(-0.5).get(name));
      expect(await opened.optimizer?.secondMoments.read(name)).toEqual(filled(0.25).get(name));
    }
    await opened.close();
  });

  test("keeps of what Muon moves no squares, and refuses the state of another optimizer by name", async () => {
    const policy = { ...POLICY, optimizer: { kind: "muon" } as const };
    const { trained, squared } = policyParts(policy);
    const some = (shapes: typeof trained): Map<string, Float32Array> =>
      new Map(shapes.map(({ name }) => [name, filled(0.25).get(name) as Float32Array]));
    const place = join(folder, "muon");
    await mkdir(place);
    await saveEngine(place, {
      policy,
      parameters: filled(0.5),
      optimizer: { step: 3, firstMoments: some(trained), secondMoments: some(squared) },
      base: null,
    });
    const opened = await openCheckpoint(place, policy);
    expect(opened.optimizer?.step).toBe(3);
    for (const { name } of trained) {
      const isSquared = squared.some((one) => one.name === name);
      expect(await opened.optimizer?.firstMoments.read(name)).toEqual(filled(0.25).get(name));
      const square = await opened.optimizer?.secondMoments.read(name);
      expect(square).toEqual(isSquared ? filled(0.25).get(name) : undefined);
    }
    await opened.close();
    await expect(openCheckpoint(place, POLICY)).rejects.toMatchObject({
      message: expect.stringContaining("state of the optimizer muon; this run has adamw"),
      hint: expect.stringContaining("optimizer.kind muon"),
    });
    await expect(openCheckpoint(join(folder, "sound"), policy)).rejects.toThrow(
      "optimizer adamw; this run has muon",
    );
  });

  test("starts anew without optimizer state, as a checkpoint before the first step has none", async () => {
    const place = await copy("fresh");
    await rm(join(place, "optimizer.json"));
    await rm(join(place, "optimizer.safetensors"));
    const opened = await openCheckpoint(place, POLICY);
    expect(opened.optimizer).toBeUndefined();
    await opened.close();
  });

  test.each([
    "",
    "{}",
    "[]",
    "null",
    "7",
    '{"step":0}',
    '{"step":-3}',
    '{"step":"x"}',
    '{"step":1.5}',
    '{"step":1e400}',
    '{"step":null}',
    "{",
  ])("refuses an optimizer.json of %s", async (content) => {
    const place = await copy("damaged-json");
    await writeFile(join(place, "optimizer.json"), content);
    const attempt = openCheckpoint(place, POLICY);
    await expect(attempt).rejects.toThrow(CheckpointError);
    await expect(attempt).rejects.toMatchObject({
      message: expect.stringContaining("optimizer.json"),
      hint: expect.any(String),
    });
  });

  test.each(["optimizer.json", "optimizer.safetensors"])("refuses a state that lacks %s", async (file) => {
    const place = await copy(`without-${file}`);
    await rm(join(place, file));
    await expect(openCheckpoint(place, POLICY)).rejects.toThrow(`without ${file}`);
    await expect(openCheckpoint(place, POLICY)).rejects.toThrow(CheckpointError);
  });

  test("refuses moments cut short, and those of another policy, naming each", async () => {
    const place = await copy("cut");
    const path = join(place, "optimizer.safetensors");
    const whole = await readFile(path);
    await writeFile(path, whole.subarray(0, whole.length - 4));
    await expect(openCheckpoint(place, POLICY)).rejects.toThrow(CheckpointError);

    const stored = SHAPES.flatMap(({ name, shape }, at) => [
      ...(at === 0 ? [] : [{ name: `m:${name}`, shape }]),
      { name: `v:${name}`, shape: at === 1 ? [1, ...shape] : shape },
    ]);
    const planned = [...stored, { name: "m:other.weight", shape: [1] }];
    await rm(path);
    const writer = await SafetensorsWriter.create(path, planned, "F32");
    for (const { name, shape } of planned)
      await writer.write(name, new Float32Array(shape.reduce((size, dimension) => size * dimension, 1)));
    await writer.finish();
    const attempt = openCheckpoint(place, POLICY);
    await expect(attempt).rejects.toThrow(`m:${SHAPES[0]!.name}: missing`);
    await expect(attempt).rejects.toThrow(`v:${SHAPES[1]!.name}: [1 × `);
    await expect(attempt).rejects.toThrow("m:other.weight: the policy trains no such parameter");
  });

  test.each([
    { moments: "first", value: Number.NaN, words: "is not finite" },
    { moments: "second", value: Infinity, words: "is not finite" },
    { moments: "second", value: -1, words: "has negative values" },
  ] as const)("refuses $moments moments of $value", async ({ moments, value, words }) => {
    const place = join(folder, `${moments}-${value}`);
    await mkdir(place);
    const spoilt = filled(value);
    await saveEngine(place, {
      policy: POLICY,
      parameters: initialParameters(CONFIG, { embeddingStd: 0.1, weightStd: 0.1, seed: 1 }),
      optimizer: {
        step: 1,
        firstMoments: moments === "first" ? spoilt : filled(0),
        secondMoments: moments === "second" ? spoilt : filled(0),
      },
      base: null,
    });
    const opened = await openCheckpoint(place, POLICY);
    const source = moments === "first" ? opened.optimizer!.firstMoments : opened.optimizer!.secondMoments;
    const attempt = source.read(SHAPES[0]!.name);
    await expect(attempt).rejects.toThrow(CheckpointError);
    await expect(attempt).rejects.toThrow(words);
    await opened.close();
  });
});
