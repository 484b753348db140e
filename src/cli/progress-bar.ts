import type { Progress } from "../store/progress.ts";
import { escaped } from "./plain.ts";

/** Where a bar is drawn. */
interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** How long (ms) work may take without a bar, and how often a bar is drawn anew. */
const SHORT_MS = 300;
const EACH_MS = 100;

/** The columns of the bar itself. */
const BAR = 24;

function drawn(what: string, done: number, total: number): string {
  if (total === 0) return `${what} …`;
  const share = Math.min(1, done / total);
  const bar = "#".repeat(Math.round(share * BAR)).padEnd(BAR, ".");
  return `${what} [${bar}] ${Math.floor(share * 100)}% ${done}/${total}`;
}

/**
 * Does work of which a person at a terminal is shown how far it has come; what was shown is gone when it has ended. There
 * are no colours and no control sequences in it, only the return to the line's beginning. `clock` is in ms.
 */
export async function withProgress<Result>(
  work: (progress: Progress) => Promise<Result>,
  screen: Screen = process.stderr,
  clock: () => number = () => performance.now(),
): Promise<Result> {
  if (screen.isTTY !== true) return work(() => undefined);
  let next = clock() + SHORT_MS;
  let length = 0;
  let latest = "";
  let timer: NodeJS.Timeout | undefined;
  const show = (text: string): void => {
    // A line that reaches the last column would wrap, and could not be taken back.
    const line = escaped(text).slice(0, (screen.columns ?? 80) - 1);
    screen.write(`\r${line.padEnd(length)}\r`);
    length = line.length;
    next = clock() + EACH_MS;
    clearTimeout(timer);
    timer = undefined;
  };
  const progress: Progress = (what, done, total) => {
    latest = drawn(what, done, total);
    if (clock() >= next) show(latest);
    // What is told last before a long wait is to be seen, too.
    else timer ??= setTimeout(() => show(latest), next - clock());
  };
  try {
    return await work(progress);
  } finally {
    clearTimeout(timer);
    if (length > 0) show("");
  }
}
