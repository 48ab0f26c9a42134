/** Several streams as one: what any of them brings next, with a few of them under way at a time. */

/**
 * Opens streams in order, at most `atOnce` together, and yields what comes as it comes. Whoever stops early ends those
 * that are under way.
 */
export async function* merged<Item>(
  streams: readonly (() => AsyncIterator<Item>)[],
  atOnce: number,
): AsyncGenerator<Item> {
  const waiting = [...streams];
  const open = new Map<
    AsyncIterator<Item>,
    Promise<{ from: AsyncIterator<Item>; next: IteratorResult<Item> }>
  >();
  const ask = (from: AsyncIterator<Item>): void => {
    const next = from.next().then((result) => ({ from, next: result }));
    // It may fail while nobody waits; whoever waits next hears of it.
    next.catch(() => {});
    open.set(from, next);
  };
  const fill = (): void => {
    while (open.size < atOnce && waiting.length > 0) ask(waiting.shift()!());
  };
  try {
    for (fill(); open.size > 0; fill()) {
      const { from, next } = await Promise.race(open.values());
      open.delete(from);
      if (next.done === true) continue;
      // It goes on while its last item is looked at.
      ask(from);
      yield next.value;
    }
  } finally {
    const left = [...open];
    // One that failed is being thrown already; the others' faults follow from it or from the stop.
    await Promise.allSettled(left.map(([, next]) => next));
    await Promise.allSettled(left.map(async ([from]) => from.return?.()));
  }
}
