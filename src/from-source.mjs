// Development only: runs a TypeScript module of ours, as a process (`node src/from-source.mjs FILE [words]`) or as the
// entry of a worker thread (start-module.ts), to which loaders of the main thread do not extend. The package holds
// compiled JavaScript and leaves this file out.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

// tsx runs whatever lies in its cache, and the cache lies in the temporary folder that all users share.
process.env.TSX_DISABLE_CACHE = "1";
const { register } = await import("tsx/esm/api");
register();

// The module finds its arguments where it would without this file.
process.argv.splice(1, 1);
process.argv[1] = resolve(process.argv[1]);
await import(pathToFileURL(process.argv[1]).href);
