/**
 * Where a graph runs. A device is a value chosen once: it says which kernels a graph may be lowered to, what onnxruntime
 * is told, and whether outputs that are only fed back can stay in its memory.
 */

import type { SessionOptions } from "./onnxruntime.ts";

export type DeviceName = "cpu" | "webgpu";

export interface Device {
  readonly name: DeviceName;
  /** The CPU provider has kernels that others lack, and its memory is ours. */
  readonly isCpu: boolean;
  /** One thread at a time may use it. */
  readonly takesTurns: boolean;
  /** What onnxruntime is told when a session with these outputs is opened; those in `kept` are fed back, not read. */
  sessionOptions(
    outputs: Iterable<string>,
    kept: ReadonlySet<string>,
  ): Pick<SessionOptions, "executionProviders" | "preferredOutputLocation">;
}

export const CPU: Device = {
  name: "cpu",
  isCpu: true,
  takesTurns: false,
  sessionOptions: () => ({ executionProviders: ["cpu"] }),
};

const WEBGPU: Device = {
  name: "webgpu",
  isCpu: false,
  takesTurns: true,
  sessionOptions: (outputs, kept) => ({
    executionProviders: ["webgpu"],
    // Each output by name: onnxruntime-node 1.30 aborts the process when data in a GPU buffer is asked for.
    preferredOutputLocation: Object.fromEntries(
      Array.from(outputs, (name) => [name, kept.has(name) ? "gpu-buffer" : "cpu"]),
    ),
  }),
};

export const DEVICES: Readonly<Record<DeviceName, Device>> = { cpu: CPU, webgpu: WEBGPU };
