/** The only place that touches environment variables. */

/** Keeps onnxruntime from sending usage records. It reads this once, when it is loaded. */
export function forbidTelemetry(): void {
  process.env["ORT_DISABLE_TELEMETRY"] = "1";
}

/** What the surroundings say about the terminal. */
export function terminalEnvironment(): { readonly isDumb: boolean } {
  const { TERM, CI } = process.env;
  // Build servers record what would be redrawn, so they get plain lines even where they offer a terminal.
  return { isDumb: TERM === "dumb" || (CI ?? "") !== "" };
}
