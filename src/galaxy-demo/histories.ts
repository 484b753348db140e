import { decodable, type Ids } from "./ids.ts";
import { invalid, notFound } from "./refused.ts";
import { OWNER } from "./user.ts";
import { stamp, type Wire } from "./wire.ts";

interface History {
  readonly id: string;
  readonly name: string;
  readonly made: number;
  deleted: boolean;
}

/** The histories of a stand-in. */
export class Histories {
  readonly #ids: Ids;
  readonly #all = new Map<string, History>();

  constructor(ids: Ids) {
    this.#ids = ids;
  }

  create(name: string, made: number): History {
    const history = { id: this.#ids.next(), name, made, deleted: false };
    this.#all.set(history.id, history);
    return history;
  }

  get(id: string): History {
    const history = this.#all.get(decodable(id));
    if (history === undefined) throw notFound("History not found.");
    return history;
  }

  /** What passes every pair of `q` and `qv`, the newest first; deleted ones only when asked for. */
  list(filters: readonly (readonly [q: string, qv: string])[]): History[] {
    const conditions = filters.map(conditionOf);
    const asked = filters.some(([q]) => q.startsWith("deleted"));
    return [...this.#all.values()]
      .filter((history) => (asked || !history.deleted) && conditions.every((holds) => holds(history)))
      .reverse();
  }
}

function conditionOf([q, qv]: readonly [string, string]): (history: History) => boolean {
  const value = qv.toLowerCase();
  if (q === "name" || q === "name-eq") return ({ name }) => name === qv;
  if (q === "name-contains" || q === "name-like")
    return ({ name }) => name.toLowerCase().includes(value.replaceAll("%", ""));
  if (q === "deleted" || q === "deleted-eq") return ({ deleted }) => deleted === (value === "true");
  if (q === "purged" || q === "purged-eq") return () => value === "false";
  throw invalid(`bad filter: ${q}`);
}

/** A history as lists have it. */
export function listedHistory({ id, name, made, deleted }: History): Wire["HistorySummary"] {
  return {
    annotation: null,
    archived: false,
    count: 0,
    deleted,
    id,
    model_class: "History",
    name,
    preferred_object_store_id: null,
    published: false,
    purged: false,
    tags: [],
    update_time: stamp(made),
    url: `/api/histories/${id}`,
  };
}

/** A history as it is shown by itself. */
export function shownHistory(history: History): Wire["HistoryDetailed"] {
  return {
    ...listedHistory(history),
    contents_url: `/api/histories/${history.id}/contents`,
    create_time: stamp(history.made),
    genome_build: "?",
    importable: false,
    size: 0,
    slug: null,
    state: "new",
    state_details: {},
    state_ids: {},
    user_id: OWNER.id,
    username: OWNER.username,
    username_and_slug: null,
  };
}
