/** Values that took work to make, kept until they are too large together; the one unused for longest goes first. */

interface Kept<T> {
  readonly value: Promise<T>;
  readonly bytes: number;
}

export class RecentValues<T> {
  readonly #most: number;
  /** In order of their last use. */
  readonly #kept = new Map<string, Kept<T>>();
  #bytes = 0;

  /** Keeps at most `mostBytes`. */
  constructor(mostBytes: number) {
    this.#most = mostBytes;
  }

  /** The value of a key, made anew where it is not kept. One that cannot be made is tried again the next time. */
  get(key: string, bytes: number, make: () => Promise<T>): Promise<T> {
    const known = this.#kept.get(key);
    if (known !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known.value;
    }
    const kept = { value: make(), bytes };
    this.#kept.set(key, kept);
    this.#bytes += bytes;
    kept.value.catch(() => this.#drop(key, kept));
    for (const [oldest, one] of this.#kept) {
      if (this.#bytes <= this.#most) break;
      this.#drop(oldest, one);
    }
    return kept.value;
  }

  #drop(key: string, kept: Kept<T>): void {
    if (this.#kept.get(key) !== kept) return;
    this.#kept.delete(key);
    this.#bytes -= kept.bytes;
  }
}
