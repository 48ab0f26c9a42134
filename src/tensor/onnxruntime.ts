/**
 * The one door to onnxruntime, which version 1.30 sends usage records from, unless it is told not to before it is
 * loaded: nothing else may import it (test/architecture holds that).
 */

import { createRequire } from "node:module";

import type * as Onnxruntime from "onnxruntime-node";

import { forbidTelemetry } from "../config/env.ts";

// An import statement would load it before anything here could run.
forbidTelemetry();
const onnxruntime = createRequire(import.meta.url)("onnxruntime-node") as typeof Onnxruntime;

export const { InferenceSession, Tensor } = onnxruntime;
export type InferenceSession = Onnxruntime.InferenceSession;
export type SessionOptions = Onnxruntime.InferenceSession.SessionOptions;
export type Tensor = Onnxruntime.Tensor;
