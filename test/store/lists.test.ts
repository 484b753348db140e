import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { byUnit } from "../../src/domain/json.ts";
import { NameTable } from "../../src/store/name-table.ts";
import { type Posting, Postings } from "../../src/store/postings.ts";
import { SortedNames } from "../../src/store/sorted-names.ts";
import type { RunFilter, RunPage } from "../../src/store/run-filter.ts";
import { type RunRow, RunRows } from "../../src/store/run-rows.ts";

const NAMES = fc.oneof(
  fc.constantFrom("", "a", "ä", "a\u0301", "\ud83d\ude00", "study_set/x"),
  fc.string({ unit: "grapheme", maxLength: 30 }),
);

describe("a table of names", () => {
  test("numbers texts as a map does, also when it was taken up from a snapshot in between", () => {
    fc.assert(
      fc.property(fc.array(NAMES, { maxLength: 300, size: "max" }), fc.nat(300), (names, pause) => {
        let table = new NameTable();
        const numbers = new Map<string, number>();
        for (const [at, name] of names.entries()) {
          if (at === pause) table = new NameTable(structuredClone(table.state()));
          expect(table.find(name)).toBe(numbers.get(name) ?? -1);
          numbers.set(name, numbers.get(name) ?? numbers.size);
          expect(table.add(name)).toBe(numbers.get(name));
        }
        expect(Array.from({ length: table.size }, (_, number) => table.at(number))).toEqual([...numbers.keys()]);
        for (const [right, number] of numbers)
          expect(Math.sign(table.compare(0, number))).toBe(byUnit(names[0] ?? right, right));
      }),
    );
  });
});

describe("names in order", () => {
  const names = Array.from(
    { length: 6000 },
    (_, at) => `${(at * 7919) % 6000}${at % 5 === 0 ? "\ud83d\ude00" : "\uff21"}`,
  );

  test("are those that were taken in and not out, page by page, also from a snapshot", () => {
    const table = new NameTable();
    for (const name of names) table.add(name);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(5999), fc.nat(3000)), { minLength: 1, maxLength: 6 }),
        fc.nat(6000),
        fc.nat(900),
        (blocks, offset, limit) => {
          let sorted = new SortedNames(table);
          const model = new Set<number>();
          for (const [round, [first, count]] of blocks.entries()) {
            for (let number = first; number < Math.min(first + count, 6000); number++) {
              if (round % 3 === 2) sorted.remove(number);
              else sorted.add(number);
              if (round % 3 === 2) model.delete(number);
              else model.add(number);
            }
            if (round === 1) sorted = new SortedNames(table, sorted.values());
          }
          const expected = [...model].sort((left, right) => byUnit(names[left] ?? "", names[right] ?? ""));
          expect(sorted.length).toBe(expected.length);
          expect([...sorted.values()]).toEqual(expected);
          expect(sorted.slice(offset, limit)).toEqual(expected.slice(offset, offset + limit));
        },
      ),
      { numRuns: 40 },
    );
  });
});

const LISTINGS = fc.array(
  fc.record({
    holder: fc.nat(8),
    postings: fc.array(fc.record({ key: fc.constantFrom("a", "b", "c", "d"), detail: fc.constantFrom("", "x") }), {
      maxLength: 5,
    }),
  }),
  { maxLength: 60, size: "max" },
);

function under(postings: Postings, key: string): string[] {
  return Array.from(postings.under(key), ({ holder, detail }) => `${holder} ${detail}`).sort(byUnit);
}

describe("lists of who holds what", () => {
  test("are what the holders were listed under last, also when taken up from a snapshot in between", () => {
    fc.assert(
      fc.property(LISTINGS, fc.nat(60), (listings, pause) => {
        let postings = new Postings();
        const model = new Map<number, readonly Posting[]>();
        for (const [at, { holder, postings: given }] of listings.entries()) {
          if (at === pause) postings = new Postings(structuredClone(postings.state()));
          postings.list(holder, given);
          model.set(holder, given);
          for (const wanted of ["a", "b", "c", "d", "e"]) {
            const expected = [...model].flatMap(([each, held]) =>
              held.filter(({ key }) => key === wanted).map(({ detail }) => `${each} ${detail}`),
            );
            expect(under(postings, wanted)).toEqual([...new Set(expected)].sort(byUnit));
          }
        }
      }),
    );
  });

  test("forget values that nobody holds any more, and reuse what they took", () => {
    const postings = new Postings();
    postings.list(0, [{ key: "stays", detail: "here" }]);
    for (let at = 0; at < 20_000; at++) postings.list(1, [{ key: `value ${at}`, detail: "" }]);
    const { keys, entries } = postings.state();
    expect([keys.ends.length < 4000, entries[0]?.length]).toEqual([true, 3]);
    expect([under(postings, "stays"), under(postings, "value 19999"), under(postings, "value 7")]).toEqual([
      ["0 here"],
      ["1 "],
      [],
    ]);
  });

  test("cost a holder its own entries, however many others have the same key", () => {
    const postings = new Postings();
    for (let holder = 0; holder < 200_000; holder++) postings.list(holder, [{ key: "study", detail: "" }]);
    const before = performance.now();
    for (let at = 0; at < 20_000; at++) postings.list(at * 10, [{ key: "study", detail: `${at % 2}` }]);
    // A walk of the list for each would be four thousand million steps.
    expect(performance.now() - before).toBeLessThan(5000);
    expect([...postings.under("study")]).toHaveLength(200_000);
  });
});

const ID = (number: number): string => `01k${String(number).padStart(23, "0")}`;
const ROW = fc.record({
  number: fc.nat(12),
  created: fc.nat(6),
  started: fc.option(fc.nat(9), { nil: undefined }),
  job_id: fc.constantFrom("custom", "j1"),
  status: fc.constantFrom("waiting", "success", "failed" as const),
  mode: fc.constantFrom(undefined, "a", "b"),
  has_warnings: fc.boolean(),
  gone: fc.nat(5).map((dice) => dice === 0),
});
const FILTER = fc.record(
  {
    job_id: fc.constantFrom("custom", "j1", "none"),
    status: fc.constantFrom("waiting", "success", "failed" as const),
    mode: fc.constantFrom("a", "b"),
    has_warnings: fc.boolean(),
    start: fc.nat(9),
    end: fc.nat(9),
  },
  { requiredKeys: [] },
);

/** What a list must be, the slow way. */
function expected(rows: Iterable<RunRow>, { start = 0, end = Infinity, ...same }: RunFilter): string[] {
  return [...rows]
    .filter(({ members, time }) => {
      const fits = Object.entries(same).every(([name, value]) => members[name as keyof typeof members] === value);
      return fits && time >= start && time <= end;
    })
    .sort((left, right) => right.created - left.created || byUnit(right.id, left.id))
    .map(({ id }) => id);
}

/** Every id of a filter, page by page, each going on from the last of the one before. */
function throughAll(rows: RunRows, filter: RunFilter, limit: number): string[] {
  const ids: string[] = [];
  for (let after: string | null = null; ;) {
    const page: RunPage | null = rows.select(filter, { offset: 0, limit, after });
    ids.push(...(page?.ids ?? []));
    if (page?.more !== true) return ids;
    after = page.ids.at(-1) ?? null;
  }
}

describe("rows of runs", () => {
  test("are listed by any filter, newest first, page by page", () => {
    fc.assert(
      fc.property(
        fc.array(ROW, { maxLength: 40, size: "max" }),
        fc.array(FILTER, { minLength: 1, maxLength: 4 }),
        fc.nat(40),
        fc.record({ offset: fc.nat(8), limit: fc.nat(8) }),
        (steps, filters, pause, page) => {
          let rows = new RunRows();
          const model = new Map<string, RunRow>();
          for (const [at, { number, created, started, gone, mode, ...members }] of steps.entries()) {
            if (at === pause) rows = new RunRows(structuredClone(rows.state()));
            const id = ID(number);
            const oid = String(at).padStart(40, "0");
            const row: RunRow = {
              id,
              record: oid,
              head: oid,
              created,
              time: started ?? created,
              members: { ...members, place: "open", ...(mode === undefined ? {} : { mode }) },
            };
            if (gone) {
              rows.remove(id);
              model.delete(id);
            } else {
              rows.put(row);
              model.set(id, row);
            }
            expect(rows.find(id)).toEqual(
              gone ? null : { record: oid, head: oid, place: "open", status: row.members.status },
            );
          }
          for (const filter of [{}, ...filters]) {
            const ids = expected(model.values(), filter);
            const end = page.offset + page.limit;
            const more = end < ids.length;
            const total = ids.length;
            expect(rows.select(filter, page)).toEqual({ total, ids: ids.slice(page.offset, end), more });
            expect(throughAll(rows, filter, page.limit + 1)).toEqual(ids);
          }
          expect([rows.size, rows.count("place", "open")]).toEqual([model.size, model.size]);
        },
      ),
    );
  });
});
