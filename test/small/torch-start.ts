/** Starts workers of the torch engine, prints their process ids, and waits: what a test kills. Argument: the log file. */

import { Cluster } from "../../src/engine/torch/cluster.ts";
import { TorchSettings } from "../../src/engine/torch/torch-settings.ts";

const cluster = await Cluster.start({
  ...TorchSettings.parse({ device: "cpu", precision: "float32", threads: 1, workers: 1 }),
  logFile: process.argv.at(-1)!,
});
process.stdout.write(`${JSON.stringify(cluster.workers.map(({ pid }) => pid))}\n`);
setInterval(() => {}, 1000);
