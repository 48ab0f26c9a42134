/**
 * Seeded random numbers. There is no generator state to save: a generator is derived from the run's seed and the
 * names of what it is for (`Rng.from(seed, "rollout", step)`), so a resumed run draws what it would have drawn.
 */

/** FNV-1a over the UTF-16 code units: spreads a label over 32 bits. */
function hashLabel(label: string, start: number): number {
  let hash = start;
  for (let index = 0; index < label.length; index += 1) {
    hash = Math.imul(hash ^ label.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** SplitMix32: turns one 32-bit seed into well-mixed words (Steele et al. 2014). */
function splitMix(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let word = state;
    word = Math.imul(word ^ (word >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return (word ^ (word >>> 15)) >>> 0;
  };
}

/** xoshiro128** (Blackman & Vigna 2018): 128 bits of state, period 2^128 − 1. */
export class Rng {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  private constructor(seed: number) {
    const next = splitMix(seed);
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next();
  }

  /** The generator of a purpose: the same seed and labels always give the same numbers. */
  static from(seed: number, ...labels: readonly (string | number)[]): Rng {
    let hash = hashLabel(String(seed), 0x811c9dc5);
    for (const label of labels) hash = hashLabel(`/${label}`, hash);
    return new Rng(hash);
  }

  /** A whole number in [0, 2^32). */
  word(): number {
    const scrambled = Math.imul(this.#b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** A number in [0, 1), with 32 random bits. */
  uniform(): number {
    return this.word() / 2 ** 32;
  }

  /** A whole number in [0, bound). */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** A standard normal number (Box & Muller 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** One element, each equally likely. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.integer(items.length)];
    if (item === undefined) throw new RangeError("Cannot pick from an empty list.");
    return item;
  }

  /** A shuffled copy (Fisher & Yates). */
  shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let last = result.length - 1; last > 0; last -= 1) {
      const other = this.integer(last + 1);
      [result[last], result[other]] = [result[other] as T, result[last] as T];
    }
    return result;
  }
}
