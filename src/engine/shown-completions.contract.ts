/** Completions as a generation shows them, for the contract of engines. */

import type { Written } from "./collected.contract.ts";
import type { WrittenSoFar } from "./policy-engine.ts";

/** What a generation shows while it writes: each completion must grow, and end as what is handed over. */
export class ShownCompletions {
  readonly #shown = new Map<string, number[]>();

  readonly onWritten = ({ prompt, completion, ids }: WrittenSoFar): void => {
    const key = `${prompt} ${completion}`;
    const before = this.#shown.get(key) ?? [];
    if (before.some((id, at) => ids[at] !== id)) throw new Error(`What was shown of ${key} changed.`);
    this.#shown.set(key, [...ids]);
  };

  /** What was shown last of completions that were written, in their order. */
  groups(written: Written): (number[] | undefined)[][] {
    return written.map((group, prompt) =>
      group.map((_, completion) => this.#shown.get(`${prompt} ${completion}`)),
    );
  }
}
