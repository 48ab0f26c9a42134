/** Engines by kind: what computes a run, with the settings of each. */

import { choiceOf } from "../config/choice.ts";
import { OnnxSettings } from "./onnx/onnx-settings.ts";

export const ENGINES = {
  onnx: { about: "onnxruntime in this process, in float32.", options: OnnxSettings },
};

export const EngineSettings = choiceOf(ENGINES, { standard: "onnx" });
