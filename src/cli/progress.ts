/**
 * Progress on stderr. On a terminal one line is redrawn: bar, count, rate, ETA and a note; elsewhere nothing is
 * written but one line when a stage is done, so that logs stay short.
 */

import pc from "picocolors";

import type { Clock } from "../runs/clock.ts";
import { formatDuration, printable } from "../format.ts";

export interface ProgressStream {
  write(text: string): unknown;
  readonly columns?: number;
}

export interface ProgressOptions {
  readonly stream: ProgressStream;
  readonly clock: Clock;
  /** True where a line can be redrawn. */
  readonly isLive: boolean;
}

const REDRAW_SECONDS = 0.1;
const BAR_WIDTH = 20;

export class Progress {
  readonly #options: ProgressOptions;
  #label = "";
  #total = 0;
  #begun = { seconds: 0, done: 0 };
  #drawn = Number.NEGATIVE_INFINITY;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** Begins a stage of `total` steps, `done` of which lie behind (a resumed run). A total of 0 shows no bar. */
  start(label: string, total: number, done = 0): void {
    this.#label = label;
    this.#total = total;
    this.#begun = { seconds: this.#options.clock.seconds(), done };
    this.#drawn = Number.NEGATIVE_INFINITY;
    this.advance(done);
  }

  /** Shows that `done` steps are complete. */
  advance(done: number, note = ""): void {
    const { clock, isLive } = this.#options;
    const now = clock.seconds();
    if (!isLive || now - this.#drawn < REDRAW_SECONDS) return;
    this.#drawn = now;
    const elapsed = now - this.#begun.seconds;
    const fresh = done - this.#begun.done;
    const parts = [pc.bold(this.#label)];
    if (this.#total > 0) parts.push(bar(done / this.#total), `${done}/${this.#total}`);
    if (fresh > 0 && elapsed > 0) {
      const rate = fresh / elapsed;
      parts.push(rate < 1 ? `${formatDuration(1 / rate)} each` : `${rate.toFixed(1)}/s`);
      if (this.#total > 0) parts.push(`ETA ${formatDuration((this.#total - done) / rate)}`);
    }
    if (note !== "") parts.push(printable(note));
    this.#redraw(parts.join("  "));
  }

  /** Ends the stage with one line that stays. */
  finish(summary: string): void {
    const elapsed = this.#options.clock.seconds() - this.#begun.seconds;
    const end = pc.dim(formatDuration(elapsed));
    this.#keep(`${pc.green("✓")} ${pc.bold(this.#label)}  ${printable(summary)}  ${end}`);
  }

  /** Writes a line that stays, above the bar. It may hold names of others, so it has no colours. */
  say(line: string): void {
    this.#keep(printable(line));
  }

  #keep(line: string): void {
    this.clear();
    this.#options.stream.write(`${line}\n`);
  }

  /** Takes the redrawn line away. */
  clear(): void {
    if (this.#options.isLive) this.#options.stream.write("\r\u001B[K");
  }

  #redraw(line: string): void {
    // A line that wraps could not be redrawn, so what does not fit is cut off.
    // A terminal that does not know its width says 0.
    const columns = this.#options.stream.columns ?? 0;
    this.#options.stream.write(`\r\u001B[K${cut(line, (columns > 0 ? columns : 80) - 1)}`);
  }
}

function bar(share: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * BAR_WIDTH);
  return pc.cyan("█".repeat(filled)) + pc.dim("░".repeat(BAR_WIDTH - filled));
}

/** The first `width` visible characters, colours kept and ended. */
function cut(line: string, width: number): string {
  const [plain = "", ...coloured] = line.split("\u001B[");
  let result = plain.slice(0, width);
  let room = width - result.length;
  for (const part of coloured) {
    const end = part.indexOf("m") + 1;
    const text = part.slice(end, end + room);
    result += `\u001B[${part.slice(0, end)}${text}`;
    room -= text.length;
  }
  return result;
}
