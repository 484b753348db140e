import { NumberList } from "../git/number-list.ts";
import type { NameTable } from "./name-table.ts";

/** What is known of documents' changes, as plain numbers for a snapshot. */
export interface DocumentHistoryState {
  readonly newest: Uint32Array;
  readonly places: Uint32Array;
  readonly earlier: Uint32Array;
}

/** What names a document that changed. */
interface Changed {
  readonly collection: string;
  readonly id: string;
}

/**
 * At which places of `main`'s first-parent chain each document was added, changed or deleted: a linked list for each,
 * newest first, 8 bytes a change. Documents that are gone keep theirs.
 */
export class DocumentHistory {
  readonly #documents: NameTable;
  /** By number of a document: its newest change; change 0 is no change and ends every list. */
  readonly #newest: NumberList;
  readonly #places: NumberList;
  readonly #earlier: NumberList;

  /** `documents` numbers them by "collection/id" and may be shared. */
  constructor(documents: NameTable, state?: DocumentHistoryState) {
    this.#documents = documents;
    this.#newest = new NumberList(state?.newest);
    this.#places = new NumberList(state?.places ?? new Uint32Array(1));
    this.#earlier = new NumberList(state?.earlier ?? new Uint32Array(1));
  }

  /** Notes what changed at a place, which is not before any place noted so far. */
  note(place: number, changes: Iterable<Changed>): void {
    for (const { collection, id } of changes) {
      const document = this.#documents.add(`${collection}/${id}`);
      const earlier = this.#newest.at(document);
      // One that moves to another folder goes and comes at one place.
      if (earlier > 0 && this.#places.at(earlier) === place) continue;
      this.#newest.set(document, this.#places.push(place));
      this.#earlier.push(earlier);
    }
  }

  /** The places at which a document changed, newest first; none when there never was such a document. */
  *placesOf({ collection, id }: Changed): Generator<number> {
    const document = this.#documents.find(`${collection}/${id}`);
    if (document < 0) return;
    for (let change = this.#newest.at(document); change > 0; change = this.#earlier.at(change))
      yield this.#places.at(change);
  }

  /** All that is known, for a snapshot; it changes with the history. */
  state(): DocumentHistoryState {
    return {
      newest: this.#newest.values() as Uint32Array,
      places: this.#places.values() as Uint32Array,
      earlier: this.#earlier.values() as Uint32Array,
    };
  }
}
