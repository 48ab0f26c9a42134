/** First come, first served, with leaving early; everything in constant time however long the line is. */

export class WaitingLine<Item> {
  /** Those who left are undefined. Served from `#first` on. */
  #places: { item: Item | undefined }[] = [];
  #first = 0;

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

  /** Half of the places at a time, so that a place costs the same however many there are. */
  #forget(): void {
    if (this.#first < this.#places.length / 2) return;
    this.#places = this.#places.slice(this.#first);
    this.#first = 0;
  }
}
