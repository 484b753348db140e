import type { RuntreeClient } from "../client/client.ts";
import type { QueryOf } from "../contract/operations.ts";
import type { Wire } from "../contract/wire.ts";
import type { Run } from "./run-text.ts";
import { waitFor } from "./waiting.ts";

/** How many runs are asked for at a time. */
const PAGE = 100;

/** Where `main` is. */
async function mainNow(client: RuntreeClient): Promise<string> {
  return (await client.call("listCollections", { params: {} })).headers["runtree-commit"] ?? "";
}

/** Merged runs, those that were begun last first, in pages. */
async function* pagesOfMerges(client: RuntreeClient): AsyncGenerator<readonly Run[]> {
  let cursor: string | null = "";
  while (cursor !== null) {
    const query: Partial<QueryOf<"listRuns">> = { status: "success", limit: PAGE, cursor };
    const { body }: { body: Wire<"run#RunList"> } = await client.call("listRuns", { params: {}, query });
    yield body.items;
    cursor = body.next_cursor ?? null;
  }
}

/** Puts merges behind one another: each stands on the commit that the one before it made. */
function chain(start: string, next: (commit: string) => Run | undefined, to: (run: Run) => string): Run[] {
  const runs: Run[] = [];
  for (let run = next(start); run !== undefined; run = next(to(run))) runs.push(run);
  return runs;
}

/**
 * The merges that took `main` from one commit to another, in their order. A run may have been begun long before it is
 * merged, so the list is read on until they are all there. `whole` is false when something else moved `main` in between,
 * and the merges are those that can be told from both ends.
 */
async function mergesBetween(
  client: RuntreeClient,
  from: string,
  to: string,
): Promise<{ readonly merges: readonly Run[]; readonly whole: boolean }> {
  const [on, by] = [new Map<string, Run>(), new Map<string, Run>()];
  const before = (run: Run): string => run.merge?.verdict.main_before ?? "";
  const after = (run: Run): string => run.merge?.commit ?? "";
  let found: Run[] = [];
  for await (const page of pagesOfMerges(client)) {
    for (const run of page) {
      on.set(before(run), run);
      by.set(after(run), run);
    }
    found = chain(from, (commit) => (commit === to ? undefined : on.get(commit)), after);
    const last = found.at(-1);
    if (last !== undefined && after(last) === to) return { merges: found, whole: true };
  }
  // A main that was moved back has no new merges.
  if (!by.has(from) && found.length === 0) return { merges: [], whole: false };
  const known = new Set(found);
  const fromEnd = chain(to, (commit) => (commit === from ? undefined : by.get(commit)), before);
  return { merges: [...found, ...fromEnd.reverse().filter((run) => !known.has(run))], whole: false };
}

/** How often merges that lack are looked for again: a server shows where `main` is a moment before it lists the run. */
const LOOKS = 4;

/** Merges into `main` as they come, in their order, until `signal` ends it. `begun` is called when none will be missed any more. */
export async function* followMerges(
  client: RuntreeClient,
  signal: AbortSignal,
  begun: () => void,
): AsyncGenerator<Run> {
  let known = await mainNow(client);
  begun();
  for (;;) {
    let lacking = 0;
    const look = async (): Promise<readonly Run[] | null> => {
      const main = await mainNow(client);
      if (main === known) return null;
      const { merges, whole } = await mergesBetween(client, known, main);
      if (!whole && ++lacking < LOOKS) return null;
      known = main;
      return merges;
    };
    const merges = await waitFor(look, signal);
    if (merges === null) return;
    yield* merges;
  }
}
