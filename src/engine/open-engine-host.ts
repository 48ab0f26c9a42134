/**
 * The front door of engines: what computes a run, by kind. A new engine is a folder and a line in the table; heavy
 * modules are loaded when one is opened.
 */

import type { z } from "zod";

import { choiceOf, openChoice } from "../config/choice.ts";
import type { EngineContext, EngineHost } from "./engine-host.ts";
import { OnnxSettings } from "./onnx/onnx-settings.ts";
import { TorchSettings } from "./torch/torch-settings.ts";

export const ENGINES = {
  onnx: {
    about: "onnxruntime in this process, in float32.",
    options: OnnxSettings,
    open: async (settings: OnnxSettings): Promise<EngineHost> => {
      const { openOnnxHost } = await import("./onnx/onnx-host.ts");
      return openOnnxHost(settings);
    },
  },
  torch: {
    about: "PyTorch in the workers of a Ray cluster: one GPU each, or a share of the CPU.",
    options: TorchSettings,
    open: async (settings: TorchSettings, context: EngineContext): Promise<EngineHost> => {
      const { openTorchHost } = await import("./torch/torch-host.ts");
      return openTorchHost(settings, context);
    },
  },
};

export const EngineSettings = choiceOf(ENGINES, { standard: "onnx" });
export type EngineSettings = z.infer<typeof EngineSettings>;

/** Whoever opens it closes it. Throws EngineError where what it should run on is not there. */
export function openEngineHost(settings: EngineSettings, context: EngineContext = {}): Promise<EngineHost> {
  return openChoice<EngineContext, Promise<EngineHost>>(ENGINES, settings, context);
}
