/**
 * Pictures as data URLs, each encoded once for all questions about it that are open at the same time: both questions of
 * VIEScore show the edited picture, a whole group its source. Nothing is kept beyond the last of them.
 */

import type { Picture } from "../images/picture.ts";

/** Pictures in use by one question. */
export interface UrlsInUse extends Disposable {
  /** Begins to encode them. */
  begin(): void;
  /** In the order of the pictures. */
  read(): Promise<string[]>;
}

interface Entry {
  users: number;
  url: Promise<string> | undefined;
}

export class PictureUrls {
  readonly #encode: (picture: Picture) => Promise<string>;
  readonly #entries = new Map<Picture, Entry>();

  constructor(encode: (picture: Picture) => Promise<string>) {
    this.#encode = encode;
  }

  /** Pictures that are in use. */
  get size(): number {
    return this.#entries.size;
  }

  use(pictures: readonly Picture[]): UrlsInUse {
    const used = pictures.map((picture) => ({ picture, entry: this.#entryOf(picture) }));
    const read = async (): Promise<string[]> =>
      Promise.all(used.map(async ({ picture, entry }) => (entry.url ??= this.#encode(picture))));
    return {
      read,
      // Whoever reads them hears what is wrong with them.
      begin: () => void read().catch(() => undefined),
      [Symbol.dispose]: () => {
        for (const { picture, entry } of used) {
          entry.users -= 1;
          if (entry.users === 0) this.#entries.delete(picture);
        }
      },
    };
  }

  #entryOf(picture: Picture): Entry {
    const entry = this.#entries.get(picture) ?? { users: 0, url: undefined };
    this.#entries.set(picture, entry);
    entry.users += 1;
    return entry;
  }
}
