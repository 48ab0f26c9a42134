/** A program that loads onnxruntime in a thread alone, as the engine does. */

import { startThread } from "../../src/tensor/start-module.ts";

startThread("./session-here", import.meta.url, undefined);
