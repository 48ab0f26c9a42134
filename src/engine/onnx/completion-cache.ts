/**
 * Keys and values that completions have so far, in arrays of ours, since outputs of onnxruntime are copied: only a run's
 * new ones come out of a graph, and are put into their places here. A row's tokens lie beside each other, as the
 * kernels read them fastest.
 */

import type { ArrayFeeds } from "../../tensor/session.ts";

export interface CacheShape {
  readonly layers: number;
  /** Rows of every layer: completions times key-value heads. */
  readonly rows: number;
  /** Of a key. */
  readonly size: number;
  /** Most tokens of a row. */
  readonly capacity: number;
}

export class CompletionCache {
  readonly shape: CacheShape;
  readonly #arrays: ReadonlyMap<string, Float32Array>;
  /** Tokens that each row has, and has room for. */
  #length = 0;
  #room = 0;

  constructor(shape: CacheShape) {
    this.shape = shape;
    const { layers, rows, size, capacity } = shape;
    this.#arrays = new Map(
      ["keys", "values"].flatMap((kind) =>
        Array.from({ length: layers }, (_, layer) => [
          `${kind}.${layer}`,
          new Float32Array(rows * capacity * size),
        ]),
      ),
    );
  }

  /** Tokens that each row has. */
  get length(): number {
    return this.#length;
  }

  /** This cache, emptied, where it has the wanted shape; else a new one. New memory costs more than computing with it. */
  static reuse(cache: CompletionCache | undefined, wanted: CacheShape): CompletionCache {
    if (cache === undefined || JSON.stringify(cache.shape) !== JSON.stringify(wanted))
      return new CompletionCache(wanted);
    cache.#length = 0;
    cache.#room = 0;
    return cache;
  }

  /** `pastKeys.l` and `pastValues.l`, [rows, room, size]; behind the tokens that are there lie numbers to be masked. */
  feeds(room: number): ArrayFeeds {
    this.#makeRoom(room);
    const { layers, rows, size } = this.shape;
    const feeds: Record<string, Float32Array> = {};
    for (let layer = 0; layer < layers; layer += 1) {
      for (const [name, kind] of [
        ["pastKeys", "keys"],
        ["pastValues", "values"],
      ]) {
        feeds[`${name}.${layer}`] = this.#at(`${kind}.${layer}`).subarray(0, rows * room * size);
      }
    }
    return feeds;
  }

  /** Takes `keys.l` and `values.l`, [rows, steps, size], behind what is there. */
  append(results: Readonly<Record<string, ArrayLike<number> | ArrayLike<bigint>>>, steps: number): void {
    const { rows, size } = this.shape;
    this.#makeRoom(Math.max(this.#room, this.#length + steps));
    for (const [name, array] of this.#arrays) {
      const fresh = results[name] as Float32Array;
      for (let row = 0; row < rows; row += 1) {
        array.set(
          fresh.subarray(row * steps * size, (row + 1) * steps * size),
          (row * this.#room + this.#length) * size,
        );
      }
    }
    this.#length += steps;
  }

  /** Moves the rows apart, the last first, so that none is written over before it was moved. */
  #makeRoom(room: number): void {
    if (room <= this.#room) return;
    const { rows, size } = this.shape;
    for (const array of this.#arrays.values()) {
      for (let row = rows - 1; row > 0 && this.#length > 0; row -= 1) {
        const from = row * this.#room * size;
        array.copyWithin(row * room * size, from, from + this.#length * size);
      }
    }
    this.#room = room;
  }

  #at(name: string): Float32Array {
    return this.#arrays.get(name) as Float32Array;
  }
}
