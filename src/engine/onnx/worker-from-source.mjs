// Starts worker.ts in a checkout: a new thread does not inherit tsx, so it is registered here first.
// A built package starts worker.js itself.
import { register } from "tsx/esm/api";

register();
await import("./worker.ts");
