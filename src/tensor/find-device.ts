/** Whether this machine has a device. A process of its own tries, since a bad graphics driver ends the one it is in. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { EngineError } from "../errors.ts";
import { compile } from "./compile.ts";
import type { Device, DeviceName } from "./device.ts";
import { DEVICES } from "./device.ts";
import { add } from "./ops/elementwise.ts";
import { input } from "./ops/leaves.ts";
import { processArguments } from "./start-module.ts";

/** A driver that compiles its first shader may take seconds; one that takes longer hangs. */
const TRIAL_MS = 60_000;

const found = new Map<DeviceName, Promise<void>>();

/** Throws EngineError where the device is not there or cannot compute; tried once a process. */
export async function requireDevice(name: DeviceName): Promise<void> {
  const device = DEVICES[name];
  if (device.isCpu) return;
  const trial = found.get(name) ?? tryDevice(device);
  found.set(name, trial);
  await trial;
}

async function tryDevice(device: Device): Promise<void> {
  const number = input("number", [1]);
  const { model, outputs } = compile({ doubled: add(number, number) }, device);
  const sessionOptions = { ...device.sessionOptions(outputs.keys(), new Set()), logSeverityLevel: 4 };
  const program = processArguments("./device-trial", import.meta.url);
  const words = [...program, Buffer.from(model).toString("base64"), JSON.stringify(sessionOptions)];
  try {
    await promisify(execFile)(process.execPath, words, { timeout: TRIAL_MS });
  } catch (cause) {
    throw new EngineError(`The device ${device.name} is not there: ${reasonOf(cause)}.`, {
      hint: "Use --device cpu, or install a driver for the graphics card (on Linux one for Vulkan) and run `earl doctor --device webgpu`.",
      cause,
    });
  }
}

function reasonOf(cause: unknown): string {
  const {
    stderr = "",
    killed,
    signal,
  } = cause as { stderr?: string; killed?: boolean; signal?: string | null };
  if (killed === true) return "a trial of it did not end";
  if (typeof signal === "string") return `its driver ended the process with ${signal}`;
  if (stderr.includes("Failed to get a WebGPU adapter")) return "onnxruntime finds no graphics adapter";
  return stderr.trim().split("\n").at(-1) ?? "a trial of it failed";
}
