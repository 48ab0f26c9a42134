/** What long work says while it goes on. The terminal's progress line is one; a page may be another. */

export interface Progress {
  /** Begins a stage of `total` steps, `done` of which lie behind (a resumed run). A total of 0 shows no bar. */
  start(label: string, total: number, done?: number): void;
  /** Says that `done` steps are complete. */
  advance(done: number, note?: string): void;
  /** Ends the stage with one line that stays. */
  finish(summary: string): void;
  /** Writes a line that stays. */
  say(line: string): void;
}

/** Draws the bar of whatever a dataset does while it is opened. */
export function openingProgress(progress: Progress): (what: string, done: number, total: number) => void {
  let label = "";
  return (what, done, total) => {
    if (what !== label) progress.start(what, total);
    label = what;
    progress.advance(done);
    if (done === total) progress.finish(`${total} rows`);
  };
}
