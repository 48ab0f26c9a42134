// Starts worker.ts: a new thread does not inherit tsx, so it is registered here first.
import { register } from "tsx/esm/api";

register();
await import("./worker.ts");
