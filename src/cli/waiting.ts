import { setTimeout as sleep } from "node:timers/promises";

/** How long (ms) lies between two looks: at first, and at most; each time half as long again. */
const FIRST_MS = 200;
const LONGEST_MS = 2000;

/**
 * Looks again and again, less and less often, until there is something to return; null when `signal` ends the wait
 * before. The first look is always waited for.
 */
export async function waitFor<Value>(look: () => Promise<Value | null>, signal: AbortSignal): Promise<Value | null> {
  const ended = new Promise<null>((resolve) => signal.addEventListener("abort", () => resolve(null), { once: true }));
  let found = await look();
  for (let pause = FIRST_MS; found === null; pause = Math.min(pause * 1.5, LONGEST_MS)) {
    await sleep(pause, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return null;
    const looking = look();
    found = await Promise.race([looking, ended]);
    // What a look that is left behind fails with is nobody's.
    looking.catch(() => undefined);
  }
  return found;
}
