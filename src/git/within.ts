/** Waits for something, but not longer than so many ms. Throws what it throws meanwhile. */
export async function within(done: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([done, late]).finally(() => clearTimeout(timer));
}
