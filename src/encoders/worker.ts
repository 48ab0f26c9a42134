/** The thread that an encoder runs in. */

import { workerData } from "node:worker_threads";

import { serveThread } from "../tensor/thread-service.ts";
import { openEncoderModel } from "./open-encoder-model.ts";
import type { EncoderThreadSettings } from "./encoder-thread.ts";

const { kind, directory, threads } = workerData as EncoderThreadSettings;
serveThread(await openEncoderModel(kind, directory, threads));
