/**
 * First come, first served, with leaving early. Those near the front can be told, once each, to get ready. Everything
 * takes constant time however long the line is.
 */

export class WaitingLine<Item> {
  /** Those who left are undefined. Served from `#first` on. */
  #places: { item: Item | undefined }[] = [];
  #first = 0;
  /** Everybody before this place was told that their turn is near. */
  #told = 0;

  /** Joins at the end. Returns how to leave. */
  join(item: Item): () => void {
    const place: { item: Item | undefined } = { item };
    this.#places.push(place);
    return () => {
      place.item = undefined;
    };
  }

  /** Who is next, and stays it until leaving; undefined where nobody waits. */
  next(): Item | undefined {
    while (this.#first < this.#places.length) {
      const { item } = this.#places[this.#first]!;
      if (item !== undefined) return item;
      this.#first += 1;
      this.#forget();
    }
    return undefined;
  }

  /** Tells the first so many places, unless they were told before. */
  tellFirst(count: number, tell: (item: Item) => void): void {
    const end = Math.min(this.#places.length, this.#first + count);
    for (this.#told = Math.max(this.#told, this.#first); this.#told < end; this.#told += 1) {
      const { item } = this.#places[this.#told]!;
      if (item !== undefined) tell(item);
    }
  }

  /** Half of the places at a time, so that a place costs the same however many there are. */
  #forget(): void {
    if (this.#first < this.#places.length / 2) return;
    this.#places = this.#places.slice(this.#first);
    this.#told = Math.max(0, this.#told - this.#first);
    this.#first = 0;
  }
}
