/** The only place that touches environment variables. */

import { homedir } from "node:os";
import { join } from "node:path";

/** What a variable may be called. */
export const ENVIRONMENT_NAME = /^[A-Za-z_]\w*$/;

/** A key that must stand in no file of a run; undefined where the variable is unset or blank. */
export function secretFrom(variable: string): string | undefined {
  const value = process.env[variable]?.trim();
  return value === "" ? undefined : value;
}

/** Keeps onnxruntime from sending usage records. It reads this once, when it is loaded. */
export function forbidTelemetry(): void {
  process.env["ORT_DISABLE_TELEMETRY"] = "1";
}

/** Where programs of this user keep what they can make again. */
export function userCacheFolder(): string {
  const { XDG_CACHE_HOME: chosen, LOCALAPPDATA: windows } = process.env;
  return (chosen ?? "") !== "" ? chosen! : (windows ?? join(homedir(), ".cache"));
}

/** What the surroundings say about the terminal. */
export function terminalEnvironment(): { readonly isDumb: boolean } {
  const { TERM, CI } = process.env;
  // Build servers record what would be redrawn, so they get plain lines even where they offer a terminal.
  return { isDumb: TERM === "dumb" || (CI ?? "") !== "" };
}
