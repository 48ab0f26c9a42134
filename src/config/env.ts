/** The only place that reads environment variables. */

/** What the surroundings say about the terminal. */
export function terminalEnvironment(): { readonly isDumb: boolean } {
  const { TERM, CI } = process.env;
  // Build servers record what would be redrawn, so they get plain lines even where they offer a terminal.
  return { isDumb: TERM === "dumb" || (CI ?? "") !== "" };
}
