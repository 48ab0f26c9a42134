/** MoVQ on pictures, where its numbers are computed: batches in, those of one size handed on together. */

import type { Picture } from "../../images/picture.ts";
import type { CodeGrid } from "../vision-tokenizer.ts";
import { spatialFactor } from "./config.ts";
import type { MovqConfigFile } from "./config-file.ts";
import type { MovqNumbers } from "./movq-model.ts";
import { fromPixels, toPixels } from "./pixels.ts";

/** Where a MoVQ computes: in this thread, in one of its own, or beside an engine. Sizes and codes were checked before. */
export interface MovqRunner extends AsyncDisposable {
  encode(pictures: readonly Picture[]): Promise<CodeGrid[]>;
  decode(grids: readonly CodeGrid[]): Promise<Picture[]>;
}

/** Starts one for a directory of weights. Throws CheckpointError where these do not fit their config. */
export type OpenMovqRunner = (directory: string, file: MovqConfigFile) => Promise<MovqRunner>;

/** Pictures whose pixels are held at a time: enough for many workers, some hundred megabytes at EARL's size. */
const MOST_AT_ONCE = 128;

export class MovqPictures implements MovqRunner {
  readonly #numbers: MovqNumbers;

  /** The numbers' place is closed with it. */
  constructor(numbers: MovqNumbers) {
    this.#numbers = numbers;
  }

  encode(pictures: readonly Picture[]): Promise<CodeGrid[]> {
    return bySize(
      pictures,
      ({ width, height }) => `${width}/${height}`,
      async (alike) => {
        const { width, height } = alike[0]!;
        const encoded = await this.#numbers.encodeAll(alike.map(toPixels), height, width);
        return encoded.map(({ rows, columns, codes }) => ({ rows, columns, codes }));
      },
    );
  }

  decode(grids: readonly CodeGrid[]): Promise<Picture[]> {
    const factor = spatialFactor(this.#numbers.config);
    return bySize(
      grids,
      ({ rows, columns }) => `${rows}/${columns}`,
      async (alike) => {
        const { rows, columns } = alike[0]!;
        const codes = alike.map((grid) => grid.codes);
        const decoded = await this.#numbers.decodeAll(codes, { rows, columns });
        return decoded.map((pixels) => fromPixels(pixels, columns * factor, rows * factor));
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#numbers[Symbol.asyncDispose]();
  }
}

/** What each item became, in the items' order; `work` is given those of one size, some at a time. */
async function bySize<Item, Made>(
  items: readonly Item[],
  sizeOf: (item: Item) => string,
  work: (alike: readonly Item[]) => Promise<readonly Made[]>,
): Promise<Made[]> {
  const places = new Map<string, number[]>();
  for (const [place, item] of items.entries())
    places.set(sizeOf(item), [...(places.get(sizeOf(item)) ?? []), place]);
  const made: Made[] = [];
  for (const alike of places.values()) {
    for (let start = 0; start < alike.length; start += MOST_AT_ONCE) {
      const some = alike.slice(start, start + MOST_AT_ONCE);
      const results = await work(some.map((place) => items[place]!));
      for (const [index, place] of some.entries()) made[place] = results[index]!;
    }
  }
  return made;
}
