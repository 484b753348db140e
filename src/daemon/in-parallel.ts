/**
 * Does work for each of some items, so many at a time; results in the order of the items. After a failure no more is begun,
 * and it is thrown when whatever was under way has ended: nothing goes on behind the caller's back.
 */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  most: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const failures: unknown[] = [];
  const rest = items.entries();
  const goOn = async (): Promise<void> => {
    for (const [at, item] of rest) {
      if (failures.length > 0) return;
      try {
        results[at] = await work(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, goOn));
  if (failures.length > 0) throw failures[0];
  return results;
}
