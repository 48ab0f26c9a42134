/** The thread that a MoVQ runs in. */

import { workerData } from "node:worker_threads";

import { serveThread } from "../../tensor/thread-service.ts";
import { readMovqConfig } from "./config-file.ts";
import { MovqModel } from "./movq-model.ts";
import { MovqPictures } from "./movq-pictures.ts";
import { openMovqWeights } from "./weights.ts";

/** What the thread is started with. */
export interface MovqThreadSettings {
  /** Where config and weights lie. */
  readonly directory: string;
  /** Threads inside an op; 0 takes every core. */
  readonly threads: number;
}

const { directory, threads } = workerData as MovqThreadSettings;
const file = await readMovqConfig(directory);
const weights = await openMovqWeights(directory, file);
serveThread(new MovqPictures(new MovqModel(file.config, weights, { threads })));
