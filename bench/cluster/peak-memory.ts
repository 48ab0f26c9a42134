/** The most memory that a process had: of its card, asked of nvidia-smi now and then, or of the machine, kept by Linux. */

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";

const EVERY_MS = 200;

export class PeakMemory implements Disposable {
  readonly #pid: number;
  readonly #isCard: boolean;
  readonly #timer: NodeJS.Timeout | undefined;
  #card = 0;

  constructor(pid: number, isCard: boolean) {
    this.#pid = pid;
    this.#isCard = isCard;
    this.#timer = isCard ? setInterval(() => this.#ask(), EVERY_MS) : undefined;
  }

  /** Bytes; of the card what was seen since the last reading, of the machine since the process began. */
  read(): number {
    if (!this.#isCard) {
      const status = readFileSync(`/proc/${this.#pid}/status`, "utf8");
      return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? NaN) * 1024;
    }
    const seen = this.#card;
    this.#card = 0;
    return seen;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** A container sees no processes of the card: there the card's own use is taken. */
  #ask(): void {
    const words = ["--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0"];
    execFile("nvidia-smi", words, (fault, out) => {
      if (fault === null) this.#card = Math.max(this.#card, Number(out.trim()) * 2 ** 20);
    });
  }
}
