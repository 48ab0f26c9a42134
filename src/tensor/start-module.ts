/**
 * Modules of ours that run in a thread or a process of their own: as compiled JavaScript where this file is compiled,
 * through src/from-source.mjs where it runs from source.
 */

import { fileURLToPath } from "node:url";
import { SHARE_ENV, Worker } from "node:worker_threads";

import { forbidTelemetry } from "../config/env.ts";

const OWN = import.meta.url;
const IS_SOURCE = OWN.endsWith(".ts");
const FROM_SOURCE = new URL("../from-source.mjs", OWN);

/** Starts the module `name` beside `importer` (its `import.meta.url`) in a thread: "./worker" is worker.ts or worker.js. */
export function startThread(name: string, importer: string, workerData: unknown): Worker {
  // A thread's own environment is a copy that native libraries do not see.
  forbidTelemetry();
  const module = moduleUrl(name, importer);
  const [entry, argv] = IS_SOURCE ? [FROM_SOURCE, [fileURLToPath(module)]] : [module, []];
  return new Worker(entry, { workerData, argv, env: SHARE_ENV, execArgv: [] });
}

/** What `process.execPath` is given to run the module `name` beside `importer` as a process. */
export function processArguments(name: string, importer: string): string[] {
  const module = fileURLToPath(moduleUrl(name, importer));
  return IS_SOURCE ? [fileURLToPath(FROM_SOURCE), module] : [module];
}

function moduleUrl(name: string, importer: string): URL {
  return new URL(`${name}${IS_SOURCE ? ".ts" : ".js"}`, importer);
}
