/**
 * The WebGPU device gives the CPU's numbers. Chromium brings a graphics driver that computes on the processor
 * (SwiftShader), so this can be shown on a machine without a graphics card; without Chromium it is skipped.
 */

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";

import { beforeAll, beforeEach, describe, expect, test } from "vitest";

import { processArguments } from "../src/tensor/start-module.ts";
import { earlCommand } from "./run-earl.ts";
import type { DeviceNumbers } from "./small/device-numbers.ts";
import { deviceNumbers } from "./small/device-numbers.ts";

const DRIVER = ["/usr/lib/chromium", "/usr/lib64/chromium-browser", "/opt/google/chrome"]
  .map((folder) => `${folder}/vk_swiftshader_icd.json`)
  .find((file) => existsSync(file));
/** Largest difference of a log-probability or of a step's figure, float32 on both sides. */
const TOLERANCE = 1e-4;
const MINUTE = 60_000;

const run = promisify(execFile);

/** Surroundings in which Vulkan finds this driver and no other. */
function withDriver(file: string): Record<string, string> {
  return {
    LD_LIBRARY_PATH: dirname(file),
    VK_ICD_FILENAMES: file,
    VK_DRIVER_FILES: file,
    PATH: "/usr/bin:/bin",
  };
}

async function numbersOnWebgpu(file: string): Promise<DeviceNumbers> {
  const words = [...processArguments("./small/device-numbers", import.meta.url), "webgpu"];
  const { stdout } = await run(process.execPath, words, { env: withDriver(file) });
  return JSON.parse(stdout) as DeviceNumbers;
}

function largestDifference(left: readonly number[], right: readonly number[]): number {
  expect(left).toHaveLength(right.length);
  return Math.max(...left.map((value, index) => Math.abs(value - (right[index] as number))));
}

describe("webgpu, on Chromium's Vulkan driver,", () => {
  let cpu: DeviceNumbers;
  let webgpu: DeviceNumbers;
  beforeAll(async () => {
    if (DRIVER === undefined) return;
    webgpu = await numbersOnWebgpu(DRIVER);
    cpu = await deviceNumbers("cpu");
  }, 10 * MINUTE);
  beforeEach(({ skip }) => {
    skip(DRIVER === undefined, "no Chromium with vk_swiftshader_icd.json is installed here");
  });

  test("draws the same completions from the same seed", () => {
    expect(webgpu.ids).toEqual(cpu.ids);
  });

  test("computes the same log-probabilities: drawn, scored, after SFT, after GRPO, of the reference", () => {
    for (const [name, values] of Object.entries(cpu.logprobs)) {
      expect(largestDifference(webgpu.logprobs[name] ?? [], values), name).toBeLessThan(TOLERANCE);
    }
    // Steps that changed nothing would agree too.
    expect(largestDifference(cpu.logprobs["afterSft"] ?? [], cpu.logprobs["scored"] ?? [])).toBeGreaterThan(
      0.01,
    );
  });

  test("makes the same SFT step and the same GRPO steps with a KL term", () => {
    for (const [index, step] of cpu.steps.entries()) {
      const got = webgpu.steps[index] as typeof step;
      for (const [name, value] of Object.entries(step) as [keyof typeof step, number][]) {
        expect(Math.abs(got[name] - value), `${name} of step ${index}`).toBeLessThan(
          TOLERANCE * Math.max(1, Math.abs(value)),
        );
      }
    }
    expect(cpu.steps[2]?.kl).toBeGreaterThan(1e-3);
  });

  test("makes no step that is not finite, and is as before it", () => {
    for (const { refused, logprobs } of [cpu, webgpu]) {
      expect(refused).toEqual([true, true]);
      expect(logprobs["afterRefusals"]).toEqual(logprobs["afterGrpo"]);
    }
  });

  test("goes on from a checkpoint that was read back from the device, with two engines at once", () => {
    for (const [name, value] of Object.entries(webgpu.steps[2] ?? {})) {
      expect(Math.abs(webgpu.resumed[name as keyof typeof webgpu.resumed] - value), name).toBeLessThan(1e-6);
    }
  });
});

// Elsewhere the system's own graphics driver cannot be switched off.
describe.runIf(process.platform === "linux")("a device that is not there", () => {
  test(
    "is one message with what to do, and exit code 2",
    async () => {
      const [program, words] = earlCommand("doctor", "--device", "webgpu");
      const ended = run(program, words, { env: withDriver("/nowhere/driver.json") });
      await expect(ended).rejects.toMatchObject({
        code: 2,
        stdout: expect.stringContaining(
          "The device webgpu is not there: onnxruntime finds no graphics adapter.",
        ),
      });
    },
    MINUTE,
  );
});
