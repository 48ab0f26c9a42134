/**
 * What is measured, and by which programs. Each measurement gives the same work to the peers and to ours:
 * a LLaMA of 5.36 M parameters (hidden 256, 6 layers, 8 heads, MLP 688, vocabulary 1200), 8 prompts × 8 completions,
 * 80 + 64 tokens, float32.
 *
 * A program of ours takes the same flags as its peer and prints one JSON line a step:
 *   bench/ours/grpo-step.ts --steps N --warmup N --beta B   {"generation": s, "training": s, "total": s}
 *   bench/ours/decode.ts --rounds N --warmup N              {"seconds": s, "tokensPerSecond": n}
 *   bench/ours/training-memory.ts                           {"peakBytes": n}, the process's largest resident size
 */

import { type Figures, readJsonFigures, readPeerStep } from "./figures.ts";

export interface Arm {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly read: (line: string) => Figures | undefined;
  /** Leading figures that the program prints while warming up. */
  readonly skip: number;
  /** Compared with each of the others that is not. */
  readonly isOurs?: true;
}

export interface Measurement {
  readonly name: string;
  readonly about: string;
  /** The figure that arms are compared by. */
  readonly figure: string;
  readonly better: "lower" | "higher";
  /** Peers, then ours: `besideOurs` makes a table for each of these. */
  readonly arms: readonly Arm[];
}

export interface Size {
  readonly steps: number;
  readonly warmup: number;
  /** Peers of the training step: modes of trl_grpo_bench.py. */
  readonly peers: readonly string[];
  readonly beta: number;
  /** Our engines: "onnx", "torch". */
  readonly engines: readonly string[];
  /** Python of the peer's environment. */
  readonly python: string;
}

export type MeasurementName = "step" | "decode" | "memory";

export const MEASUREMENTS: Readonly<Record<MeasurementName, (size: Size) => Measurement>> = {
  step: trainingStep,
  decode,
  memory,
};

function trainingStep(size: Size): Measurement {
  const flags = ["--steps", `${size.steps}`, "--warmup", `${size.warmup}`, "--beta", `${size.beta}`];
  const script = "bench/peer/trl_grpo_bench.py";
  const peers = size.peers.map((mode): Arm => ({
    name: mode,
    command: size.python,
    args: [script, "--mode", mode, ...flags],
    read: readPeerStep,
    skip: size.warmup,
  }));
  return {
    name: "step",
    about: `seconds a GRPO step, KL weight ${size.beta}`,
    figure: "total",
    better: "lower",
    arms: [...peers, ...engineArms("grpo-step", flags, size).map((arm) => ({ ...arm, skip: size.warmup }))],
  };
}

function decode(size: Size): Measurement {
  const flags = ["--rounds", `${size.steps}`, "--warmup", `${size.warmup}`];
  return {
    name: "decode",
    about: "tokens a second, 64 rows sampled at temperature 1",
    figure: "tokensPerSecond",
    better: "higher",
    arms: [peerScript("transformers generate", flags, size), ...engineArms("decode", flags, size)],
  };
}

function memory(size: Size): Measurement {
  return {
    name: "memory",
    about: "peak bytes of a process that takes two training steps",
    figure: "peakBytes",
    better: "lower",
    arms: [peerScript("torch", ["--memory"], size), ours("training-memory", [])],
  };
}

function peerScript(name: string, flags: readonly string[], size: Size): Arm {
  return {
    name,
    command: size.python,
    args: ["bench/peer/generate.py", ...flags],
    read: readJsonFigures,
    skip: 0,
  };
}

/** The peers beside one of ours, which stands last, for each of ours. */
export function besideOurs(measurement: Measurement): Measurement[] {
  const peers = measurement.arms.filter(({ isOurs }) => isOurs !== true);
  return measurement.arms
    .filter(({ isOurs }) => isOurs === true)
    .map((own) => ({ ...measurement, arms: [...peers, own] }));
}

function engineArms(script: string, flags: readonly string[], { engines }: Size): Arm[] {
  return engines.map((engine) => ({
    ...ours(script, [...flags, "--engine", engine]),
    name: engine === "onnx" ? "earl" : `earl, ${engine} engine`,
  }));
}

function ours(script: string, flags: readonly string[]): Arm {
  return {
    name: "earl",
    command: process.execPath,
    args: ["src/from-source.mjs", `bench/ours/${script}.ts`, ...flags],
    read: readJsonFigures,
    skip: 0,
    isOurs: true,
  };
}
