/** Work on many things, some at once. */

/** Works on so many at once, in order. The first fault ends all. */
export async function eachAtOnce<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  let isOver = false;
  const worker = async (): Promise<void> => {
    // Workers share the iterator, so that each item is taken once.
    for (const item of rest) {
      if (isOver) return;
      await work(item);
    }
  };
  const workers = Array.from({ length: Math.min(atOnce, items.length) }, worker);
  try {
    await Promise.all(workers);
  } catch (error) {
    isOver = true;
    await Promise.allSettled(workers);
    throw error;
  }
}
