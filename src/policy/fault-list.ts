/** Many faults of one file, of which a reader sees the first: a sentence that nobody sees is never built. */

const SHOWN = 20;
/** Characters of a sentence; names and values in it are the file's and may be of any length. */
const LONGEST = 300;

export class FaultList {
  readonly #sentences: string[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(sentence: () => string): void {
    if (this.#count < SHOWN) this.#sentences.push(cut(sentence()));
    this.#count += 1;
  }

  /** One sentence a line, indented, and how many more there are. */
  lines(): string {
    const more = this.#count - this.#sentences.length;
    const lines =
      more > 0 ? [...this.#sentences, `and ${more.toLocaleString("en-US")} more`] : this.#sentences;
    return `  ${lines.join("\n  ")}`;
  }
}

/** A value of a file as a message shows it. */
export function shownValue(value: unknown): string {
  try {
    return cut(JSON.stringify(value) ?? String(value), 80);
  } catch {
    // Nested deeper than the stack.
    return "a nested value";
  }
}

function cut(text: string, longest = LONGEST): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}
