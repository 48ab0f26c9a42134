/** A metric over a run's steps, of any length, and views of it that fit a chart. */

import type { CurveView } from "./messages.ts";

export interface CurveRange {
  /** First and last step that are shown; all unless given. */
  readonly from?: number;
  readonly to?: number;
  /** Most points, at least 4. */
  readonly points: number;
}

export class Curve {
  readonly #steps: number[] = [];
  readonly #values: number[] = [];

  /** Steps must come in rising order; a step that was there already is left as it was. */
  add(step: number, value: number): void {
    const last = this.#steps.at(-1);
    if (last !== undefined && step <= last) return;
    this.#steps.push(step);
    this.#values.push(value);
  }

  get newest(): number | undefined {
    return this.#values.at(-1);
  }

  /**
   * The part of the curve in a range. Where it has more points than asked for, each stretch is shown by its least and its
   * greatest value in their order: a peak of one step stays visible, which a mean would hide. The first and the last
   * point always are among them.
   */
  view({ from = -Infinity, to = Infinity, points }: CurveRange): CurveView {
    const first = this.#place(from);
    const end = this.#place(to + 1);
    const total = this.#steps.length;
    if (end - first <= points) {
      return { steps: this.#steps.slice(first, end), values: this.#values.slice(first, end), total };
    }
    const places = new Set([first]);
    const stretches = Math.floor((points - 2) / 2);
    for (let stretch = 0; stretch < stretches; stretch += 1) {
      const begin = first + Math.floor((stretch * (end - first)) / stretches);
      const stop = first + Math.floor(((stretch + 1) * (end - first)) / stretches);
      for (const at of this.#extremes(begin, stop)) places.add(at);
    }
    places.add(end - 1);
    const shown = [...places].toSorted((left, right) => left - right);
    const steps = shown.map((at) => this.#steps[at]!);
    const values = shown.map((at) => this.#values[at]!);
    return { steps, values, total };
  }

  /** Places of the least and the greatest value of a stretch, in their order; one where they are the same. */
  #extremes(begin: number, stop: number): number[] {
    let [low, high] = [begin, begin];
    for (let at = begin + 1; at < stop; at += 1) {
      if (this.#values[at]! < this.#values[low]!) low = at;
      if (this.#values[at]! > this.#values[high]!) high = at;
    }
    return low === high ? [low] : [Math.min(low, high), Math.max(low, high)];
  }

  /** Place of the first point at `step` or later. */
  #place(step: number): number {
    let [low, high] = [0, this.#steps.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#steps[middle]! < step) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
