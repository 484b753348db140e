import { listOf } from "../domain/lists.ts";
import type { RunStatus } from "../domain/run.ts";
import { NumberList } from "../git/number-list.ts";
import type { Oid } from "../git/objects.ts";
import { OidList } from "../git/oid-table.ts";
import { NameTable, type NameTableState } from "./name-table.ts";
import type { Page } from "./page.ts";
import { MEMBERS, type RunFilter, type RunPage } from "./run-filter.ts";
import type { RunView } from "./run-view.ts";

/** What is kept of a run; times in ms since 1970. */
export interface RunRow {
  readonly id: string;
  /** The blob of the run's record. */
  readonly record: Oid;
  readonly head: Oid;
  readonly created: number;
  /** When it started, or else was created. */
  readonly time: number;
  readonly members: Pick<RunFilter, (typeof MEMBERS)[number]>;
}

/** What the rows hold, as plain values for a snapshot. */
export interface RunRowsState {
  readonly ids: NameTableState;
  readonly texts: NameTableState;
  readonly records: Uint32Array;
  readonly heads: Uint32Array;
  readonly created: Float64Array;
  readonly times: Float64Array;
  readonly members: readonly Uint32Array[];
  readonly order: Uint32Array;
}

/** One member of all runs: the number of its value by row, 0 where it has none, and the rows that have each value. */
interface Member {
  readonly values: NumberList;
  readonly rows: Map<number, number[]>;
}

/**
 * A row of numbers for each run, about 120 bytes, and for each value of each member the rows that have it, oldest first:
 * a filter by one member takes its page from the end of a list; one by several walks the shortest.
 */
export class RunRows {
  readonly #ids: NameTable;
  /** The values of members; a value's number is one more than here. */
  readonly #texts: NameTable;
  readonly #records: OidList;
  readonly #heads: OidList;
  readonly #created: NumberList;
  readonly #times: NumberList;
  readonly #members: readonly Member[];
  /** Every row that is in use, by `created`, then by id. */
  readonly #order: number[];
  /** How long (ms) after its creation a run started at least and at most, of all there ever were. */
  #leastDelay = 0;
  #mostDelay = 0;

  constructor(state?: RunRowsState) {
    this.#ids = new NameTable(state?.ids);
    this.#texts = new NameTable(state?.texts);
    this.#records = new OidList(state?.records);
    this.#heads = new OidList(state?.heads);
    this.#created = new NumberList(state?.created ?? new Float64Array(0));
    this.#times = new NumberList(state?.times ?? new Float64Array(0));
    this.#order = Array.from(state?.order ?? []);
    for (const row of this.#order) this.#noteDelay(row);
    this.#members = MEMBERS.map((_, at) => {
      const values = new NumberList(state?.members[at]);
      const rows = new Map<number, number[]>();
      for (const row of this.#order) if (values.at(row) > 0) listOf(rows, values.at(row)).push(row);
      return { values, rows };
    });
  }

  /** How many runs there are. */
  get size(): number {
    return this.#order.length;
  }

  /** The record, head, place and status of a run; null when there is no such run. */
  find(id: string): (Pick<RunRow, "record" | "head"> & { place: RunView["place"]; status: RunStatus }) | null {
    const row = this.#ids.find(id);
    const place = row < 0 ? 0 : this.#memberOf("place").values.at(row);
    if (place === 0) return null;
    return {
      record: this.#records.at(row),
      head: this.#heads.at(row),
      place: this.#texts.at(place - 1) as RunView["place"],
      status: this.#texts.at(this.#memberOf("status").values.at(row) - 1) as RunStatus,
    };
  }

  /** Who made an open run; null for any other. */
  openedBy(id: string): string | null {
    const row = this.#ids.find(id);
    const value = row < 0 ? 0 : this.#memberOf("open_by").values.at(row);
    return value === 0 ? null : this.#texts.at(value - 1);
  }

  /** Takes a run in, in place of what was known of it. */
  put(run: RunRow): void {
    const row = this.#ids.add(run.id);
    if (this.#created.at(row) !== run.created) this.#takeOut(row);
    const known = this.#memberOf("place").values.at(row) > 0;
    this.#records.set(row, run.record);
    this.#heads.set(row, run.head);
    this.#created.set(row, run.created);
    this.#times.set(row, run.time);
    this.#noteDelay(row);
    if (!known) this.#insert(this.#order, row);
    for (const [at, name] of MEMBERS.entries()) {
      const value = run.members[name];
      this.#setMember(row, this.#members[at], value === undefined ? 0 : this.#texts.add(String(value)) + 1);
    }
  }

  /** Takes a run out; nothing when there is no such run. */
  remove(id: string): void {
    const row = this.#ids.find(id);
    if (row >= 0) this.#takeOut(row);
  }

  /** A page of the runs of a filter, newest first; null when there is no such run as it goes on from. */
  select(filter: RunFilter, page: Omit<Page, "after">): RunPage;
  select(filter: RunFilter, page: Page): RunPage | null;
  select(filter: RunFilter, page: Page): RunPage | null {
    const from = page.after == null ? -1 : this.#ids.find(page.after);
    if (page.after != null && (from < 0 || this.#memberOf("place").values.at(from) === 0)) return null;
    const { start = -Infinity, end = Infinity } = filter;
    const wanted = MEMBERS.flatMap((name) => {
      const [text, { values, rows }] = [filter[name], this.#memberOf(name)];
      const value = text === undefined ? 0 : this.#texts.find(String(text)) + 1;
      const list = rows.get(value) ?? [];
      // What every run has narrows nothing.
      return text === undefined || list.length === this.#order.length ? [] : [{ values: values.values(), value, list }];
    });
    const ofJobs = filter.jobs === undefined ? null : this.#rowsOf(filter.jobs);
    const shortest =
      ofJobs ?? wanted.reduce((short, { list }) => (list.length < short.length ? list : short), this.#order);
    const older = from < 0 ? shortest.length : this.#positionIn(shortest, from);
    const isListed = wanted.length === 0 || (ofJobs === null && wanted.length === 1);
    if (isListed && filter.start === undefined && filter.end === undefined) {
      const last = Math.max(0, older - page.offset);
      const rows = shortest.slice(Math.max(0, last - page.limit), last).reverse();
      return { total: shortest.length, ids: rows.map((row) => this.#ids.at(row)), more: last > page.limit };
    }
    const times = this.#times.values();
    // Plain comparisons, the times first: this is asked of every run there is.
    const fits = (row: number): boolean => {
      const time = times[row] ?? 0;
      if (time < start || time > end) return false;
      return wanted.every(({ values, value }) => values[row] === value);
    };
    // Lists are in the order of creation: what was created too long before or too late cannot have started in between.
    const first = this.#firstSince(shortest, start - this.#mostDelay);
    const behind = this.#firstSince(shortest, end - this.#leastDelay + 1);
    const ids: string[] = [];
    let [total, passed] = [0, 0];
    for (let at = behind - 1; at >= first; at--) {
      const row = shortest[at] ?? 0;
      if (!fits(row)) continue;
      total++;
      if (at < older && passed++ >= page.offset && ids.length < page.limit) ids.push(this.#ids.at(row));
    }
    return { total, ids, more: passed > page.offset + ids.length };
  }

  /** The rows of some jobs, oldest first. */
  #rowsOf(jobs: readonly string[]): readonly number[] {
    const { rows } = this.#memberOf("job_id");
    const lists = jobs.flatMap((id) => {
      const list = rows.get(this.#texts.find(id) + 1);
      return list === undefined ? [] : [list];
    });
    if (lists.length <= 1) return lists[0] ?? [];
    return lists.flat().sort((left, right) => this.#compare(left, right));
  }

  /** How many runs have a value of a member. */
  count(name: (typeof MEMBERS)[number], value: string): number {
    return this.#memberOf(name).rows.get(this.#texts.find(value) + 1)?.length ?? 0;
  }

  /** The values that a member has in any run. */
  valuesOf(name: (typeof MEMBERS)[number]): string[] {
    const { rows } = this.#memberOf(name);
    return [...rows].flatMap(([value, list]) => (list.length === 0 ? [] : [this.#texts.at(value - 1)]));
  }

  /** Every id of the runs that have a value of a member. */
  idsWith(name: (typeof MEMBERS)[number], value: string): string[] {
    const rows = this.#memberOf(name).rows.get(this.#texts.find(value) + 1) ?? [];
    return rows.map((row) => this.#ids.at(row));
  }

  /** All rows, for a snapshot; they change with the index. */
  state(): RunRowsState {
    return {
      ids: this.#ids.state(),
      texts: this.#texts.state(),
      records: this.#records.values(),
      heads: this.#heads.values(),
      created: this.#created.values() as Float64Array,
      times: this.#times.values() as Float64Array,
      members: this.#members.map(({ values }) => values.values() as Uint32Array),
      order: Uint32Array.from(this.#order),
    };
  }

  #memberOf(name: (typeof MEMBERS)[number]): Member {
    return this.#members[MEMBERS.indexOf(name)] as Member;
  }

  #setMember(row: number, member: Member | undefined, value: number): void {
    if (member === undefined || member.values.at(row) === value) return;
    const old = member.values.at(row);
    if (old > 0) this.#cut(member.rows.get(old) ?? [], row);
    if (value > 0) this.#insert(listOf(member.rows, value), row);
    member.values.set(row, value);
  }

  #takeOut(row: number): void {
    if (this.#memberOf("place").values.at(row) === 0) return;
    for (const member of this.#members) this.#setMember(row, member, 0);
    this.#cut(this.#order, row);
  }

  /** New runs go to the end of a list; one that comes late finds its place. */
  #insert(rows: number[], row: number): void {
    const last = rows.at(-1);
    if (last === undefined || this.#compare(last, row) < 0) rows.push(row);
    else rows.splice(this.#positionIn(rows, row), 0, row);
  }

  #cut(rows: number[], row: number): void {
    rows.splice(this.#positionIn(rows, row), 1);
  }

  /** Where a row is in a list, or would be. */
  #positionIn(rows: readonly number[], row: number): number {
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(rows[middle] ?? 0, row) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where the runs of a list begin that were created at a time or later. */
  #firstSince(rows: readonly number[], created: number): number {
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#created.at(rows[middle] ?? 0) < created) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #noteDelay(row: number): void {
    const delay = this.#times.at(row) - this.#created.at(row);
    this.#leastDelay = Math.min(this.#leastDelay, delay);
    this.#mostDelay = Math.max(this.#mostDelay, delay);
  }

  #compare(left: number, right: number): number {
    return this.#created.at(left) - this.#created.at(right) || this.#ids.compare(left, right);
  }
}
