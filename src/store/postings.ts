import { NumberList } from "../git/number-list.ts";
import { NameTable, type NameTableState } from "./name-table.ts";

/** What a holder is listed under: a key, and a word that goes with it. */
export interface Posting {
  readonly key: string;
  readonly detail: string;
}

/** A holder listed under a key. */
export interface Listed {
  readonly holder: number;
  readonly detail: string;
}

/** What the lists know, as plain numbers for a snapshot. */
export interface PostingsState {
  readonly keys: NameTableState;
  readonly details: NameTableState;
  readonly firstOfKey: Uint32Array;
  readonly firstOfHolder: Uint32Array;
  readonly entries: readonly Uint32Array[];
  readonly free: number;
}

/** The lists that an entry is a member of, and what it says. Entry 0 is no entry: it ends every list. */
const MEMBERS = ["key", "holder", "detail", "next", "previous", "nextOfHolder"] as const;

/** How many keys may be out of use before they are forgotten. */
const DEAD_KEYS = 1024;

/**
 * Which holders (numbers) are listed under which keys (texts). Each key and each holder has a linked list of its
 * entries, so listing a holder anew costs its own entries, however many others a key has. 24 bytes an entry.
 */
export class Postings {
  #keys: NameTable;
  readonly #details: NameTable;
  #firstOfKey: NumberList;
  readonly #firstOfHolder: NumberList;
  readonly #entries: Readonly<Record<(typeof MEMBERS)[number], NumberList>>;
  /** The first of the entries that are not in use, linked by `next`. */
  #free: number;
  #keysInUse = 0;

  constructor(state?: PostingsState) {
    this.#keys = new NameTable(state?.keys);
    this.#details = new NameTable(state?.details);
    this.#firstOfKey = new NumberList(state?.firstOfKey);
    this.#firstOfHolder = new NumberList(state?.firstOfHolder);
    const [key, holder, detail, next, previous, nextOfHolder] = MEMBERS.map(
      (_, at) => new NumberList(state?.entries[at] ?? new Uint32Array(1)),
    ) as [NumberList, NumberList, NumberList, NumberList, NumberList, NumberList];
    this.#entries = { key, holder, detail, next, previous, nextOfHolder };
    this.#free = state?.free ?? 0;
    for (const first of this.#firstOfKey.values()) if (first > 0) this.#keysInUse++;
  }

  /** Lists a holder under these keys, and no longer under any other. */
  list(holder: number, postings: readonly Posting[]): void {
    this.#drop(holder);
    const seen = new Set<string>();
    for (const { key, detail } of postings) {
      const text = `${key}\0${detail}`;
      if (!seen.has(text)) this.#add(holder, this.#keys.add(key), this.#details.add(detail));
      seen.add(text);
    }
    if (this.#keys.size > 2 * this.#keysInUse + DEAD_KEYS) this.#forgetKeys();
  }

  /** The holders listed under a key, each as often as it has details there. */
  *under(key: string): Generator<Listed> {
    const number = this.#keys.find(key);
    if (number < 0) return;
    const { next, holder, detail } = this.#entries;
    for (let entry = this.#firstOfKey.at(number); entry > 0; entry = next.at(entry))
      yield { holder: holder.at(entry), detail: this.#details.at(detail.at(entry)) };
  }

  /** All that is listed, for a snapshot; it changes with the lists. */
  state(): PostingsState {
    return {
      keys: this.#keys.state(),
      details: this.#details.state(),
      firstOfKey: this.#firstOfKey.values() as Uint32Array,
      firstOfHolder: this.#firstOfHolder.values() as Uint32Array,
      entries: MEMBERS.map((member) => this.#entries[member].values() as Uint32Array),
      free: this.#free,
    };
  }

  #add(holder: number, key: number, detail: number): void {
    const entries = this.#entries;
    const entry = this.#free > 0 ? this.#free : entries.key.length;
    this.#free = entries.next.at(entry);
    const first = this.#firstOfKey.at(key);
    entries.key.set(entry, key);
    entries.holder.set(entry, holder);
    entries.detail.set(entry, detail);
    entries.next.set(entry, first);
    entries.previous.set(entry, 0);
    entries.nextOfHolder.set(entry, this.#firstOfHolder.at(holder));
    if (first > 0) entries.previous.set(first, entry);
    else this.#keysInUse++;
    this.#firstOfKey.set(key, entry);
    this.#firstOfHolder.set(holder, entry);
  }

  #drop(holder: number): void {
    const { key, next, previous, nextOfHolder } = this.#entries;
    for (let entry = this.#firstOfHolder.at(holder), follower = 0; entry > 0; entry = follower) {
      follower = nextOfHolder.at(entry);
      const [before, after] = [previous.at(entry), next.at(entry)];
      if (after > 0) previous.set(after, before);
      if (before > 0) next.set(before, after);
      else {
        this.#firstOfKey.set(key.at(entry), after);
        if (after === 0) this.#keysInUse--;
      }
      next.set(entry, this.#free);
      this.#free = entry;
    }
    this.#firstOfHolder.set(holder, 0);
  }

  /** Gives the keys in use new numbers and forgets the others: a value that changes at every merge must not pile up. */
  #forgetKeys(): void {
    const { key, next } = this.#entries;
    const [keys, firsts] = [new NameTable(), new NumberList()];
    for (let old = 0; old < this.#firstOfKey.length; old++) {
      const first = this.#firstOfKey.at(old);
      if (first === 0) continue;
      const number = keys.add(this.#keys.at(old));
      firsts.set(number, first);
      for (let entry = first; entry > 0; entry = next.at(entry)) key.set(entry, number);
    }
    this.#keys = keys;
    this.#firstOfKey = firsts;
  }
}
