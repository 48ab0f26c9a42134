/**
 * Hashes near a given one without looking at all: of two hashes that differ in at most k bits, cut into k + 1 bands, one
 * band is equal (Manku et al. 2007). A look-up compares what shares a band, a small part of the whole.
 */

import { hashDistance, type PictureHash } from "../../images/likeness.ts";

const BITS = 64;

export class HashIndex {
  readonly #distance: number;
  readonly #hashes: PictureHash[] = [];
  /** Per band: numbers of the hashes by the value of the band. */
  readonly #bands: readonly Map<number, number[]>[];
  /** Hashes that were compared so far. */
  compared = 0;

  /** Finds hashes that differ in at most so many of 64 bits. */
  constructor(distance: number) {
    this.#distance = distance;
    this.#bands = Array.from({ length: Math.min(distance + 1, BITS) }, () => new Map<number, number[]>());
  }

  /** Hashes are numbered from 0 in the order they are added. */
  add(hash: PictureHash): void {
    const number = this.#hashes.push(hash) - 1;
    for (const [band, values] of this.#bands.entries()) {
      const value = this.#valueOf(hash, band);
      const numbers = values.get(value);
      if (numbers === undefined) values.set(value, [number]);
      else numbers.push(number);
    }
  }

  /** Numbers of the hashes that are near, in ascending order, with their distances. */
  near(hash: PictureHash): { readonly number: number; readonly distance: number }[] {
    const candidates = new Set<number>();
    for (const [band, values] of this.#bands.entries()) {
      for (const number of values.get(this.#valueOf(hash, band)) ?? []) candidates.add(number);
    }
    this.compared += candidates.size;
    return [...candidates]
      .map((number) => ({ number, distance: hashDistance(hash, this.#hashes[number]!) }))
      .filter(({ distance }) => distance <= this.#distance)
      .toSorted((left, right) => left.number - right.number);
  }

  /** The bits of a band as a number; bands are as equal in size as 64 allows. */
  #valueOf([high, low]: PictureHash, band: number): number {
    const [from, to] = [this.#edge(band), this.#edge(band + 1)];
    let value = 0;
    for (let bit = from; bit < to; bit += 1) {
      const word = bit < 32 ? high : low;
      value = 2 * value + ((word >>> (31 - (bit % 32))) & 1);
    }
    return value;
  }

  #edge(band: number): number {
    return Math.floor((band * BITS) / this.#bands.length);
  }
}
