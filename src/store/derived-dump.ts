import { byUnit } from "../domain/json.ts";
import type { Oid } from "../git/objects.ts";
import { OidTable } from "../git/oid-table.ts";
import { type Derived, stateOf } from "./derived.ts";
import type { MainSnapshot } from "./main-state.ts";
import { NameTable } from "./name-table.ts";
import { Postings } from "./postings.ts";
import type { RunFilter } from "./run-filter.ts";

/** The texts of a table in the order of their numbers. */
function namesOf(table: NameTable): string[] {
  return Array.from({ length: table.size }, (_, number) => table.at(number));
}

function sorted(lines: Iterable<string>): string[] {
  return [...lines].sort(byUnit);
}

function dumpMain({ commit, history, documents, changes, index }: MainSnapshot): unknown {
  const commits = new OidTable(history.commits);
  const names = namesOf(new NameTable(documents));
  const postings = new Postings(index.postings);
  const chain = Array.from(history.chain, (number): Oid => commits.at(number));
  const changed = names.flatMap((name, document) => {
    const places: number[] = [];
    for (let at = changes.newest[document] ?? 0; at > 0; at = changes.earlier[at] ?? 0)
      places.push(changes.places[at] ?? 0);
    return places.length === 0 ? [] : [`${name}: ${places.join(" ")}`];
  });
  const listed = namesOf(new NameTable(index.postings.keys)).flatMap((key) =>
    Array.from(postings.under(key), ({ holder, detail }) => `${key}: ${names[holder]} ${detail}`),
  );
  return {
    commit,
    tree: index.tree,
    chain,
    landed: sorted(Array.from(history.landed, (place, number) => `${commits.at(number)} ${place}`)),
    changed: sorted(changed),
    documents: [...index.collections]
      .sort(([left], [right]) => byUnit(left, right))
      .flatMap(([, documents]) => Array.from(documents, (document) => names[document])),
    listed: sorted(listed),
  };
}

const EVERYTHING = { offset: 0, limit: Number.MAX_SAFE_INTEGER };

/** Filters whose lists are compared, besides that of everything. */
const FILTERS: readonly RunFilter[] = [
  { place: "open" },
  { place: "merged" },
  { place: "attic" },
  { job_id: "custom" },
  { has_warnings: true },
  { has_warnings: false, place: "open" },
  { status: "success" },
  { status: "rejected" },
  { status: "cancelled", job_id: "custom" },
];

/**
 * Everything that is derived, in a form that two of them share exactly when they know the same. Requests from before
 * `since` (seconds since 1970) are left out: they are forgotten now and then, not at once.
 */
export function dumpOf(derived: Derived, since = -Infinity): unknown {
  const { main, runs, jobs, requests } = stateOf(derived, new Map());
  const lists = [{}, ...FILTERS].map((filter) => derived.runs.select(filter, EVERYTHING));
  const rows = new NameTable(runs.ids);
  return {
    main: dumpMain(main),
    runs: lists[0]?.ids.map((id) => ({ ...derived.runs.view(id), times: timesOf(runs, rows.find(id)) })),
    lists,
    open: derived.runs.openCount(),
    jobs: jobs.map((row) => ({ ...row, status: derived.jobs.statusOf(row), record: derived.jobs.read(row) })),
    queue: derived.jobs.queue.map(({ id }) => id),
    templates: derived.templates.all(),
    requests: sorted(
      Array.from(requests, ([key, request]) =>
        request.seconds < since ? [] : [JSON.stringify([key, request])],
      ).flat(),
    ),
  };
}

function timesOf(runs: ReturnType<typeof stateOf>["runs"], row: number): unknown {
  return [runs.created[row], runs.times[row]];
}
