import type { Answer } from "./handler.ts";
import { type Page, pageLinks, pageMembers, type PageQuery } from "./paging.ts";
import { refused } from "./refused.ts";

/** So many bytes of items end a list, as an answer is made and held whole. */
const MOST_BYTES = 16 * 1024 * 1024;

const COMMA = Buffer.from(",");

/** A page of a list that is to be answered. */
export interface Listed<Item> {
  readonly path: string;
  readonly query: PageQuery;
  readonly page: Page;
  /** Those on the page, how many there are in all, and whether any follow. */
  readonly items: readonly Item[];
  readonly total: number;
  readonly more: boolean;
  readonly idOf: (item: Item) => string;
  /** Null for one that is gone. */
  readonly jsonOf: (item: Item) => Buffer | null;
  /** The name by which the items are given once more. */
  readonly again?: string;
  /** What else the answer says. */
  readonly members?: object;
}

/** The first of these that fit into one answer, one at least; how many of them that are, and their JSON. */
export function thatFit<Item>(
  items: readonly Item[],
  jsonOf: (item: Item) => Buffer | null,
): { readonly taken: number; readonly pieces: readonly Buffer[] } {
  const pieces: Buffer[] = [];
  let [taken, bytes] = [0, 0];
  for (const item of items) {
    const piece = jsonOf(item);
    bytes += piece?.length ?? 0;
    if (bytes > MOST_BYTES && pieces.length > 0) break;
    taken++;
    if (piece !== null) pieces.push(piece);
  }
  return { taken, pieces };
}

/** Pieces with commas between them. */
export function joined(pieces: readonly Buffer[]): Buffer[] {
  return pieces.flatMap((piece, at) => (at === 0 ? [piece] : [COMMA, piece]));
}

/**
 * The answer that a page of a list is, put together from the JSON of each item. It ends early where the items are large,
 * and goes on from there; refuses a page by number that would have to (`bad_request`), as the next one begins at its end.
 */
export function listAnswer<Item>({ path, query, page, items, total, more, ...listed }: Listed<Item>): Answer<never> {
  const { taken, pieces } = thatFit(items, listed.jsonOf);
  const isCut = taken < items.length;
  if (isCut && page.way === "page") {
    const words = `The items of this page have more than ${MOST_BYTES} bytes; ask for fewer at a time, or by cursor.`;
    throw refused("/page_size", words);
  }
  const last = items[taken - 1];
  const found = { total, last: (more || isCut) && last !== undefined ? listed.idOf(last) : null, taken };
  const list = joined(pieces);
  const members = JSON.stringify({ ...pageMembers(page, found), ...listed.members });
  const again = listed.again === undefined ? [] : [Buffer.from(`,"${listed.again}":[`), ...list, Buffer.from("]")];
  const end = Buffer.from(`,${members.slice(1)}`);
  const body = [Buffer.from('{"items":['), ...list, Buffer.from("]"), ...again, end];
  return { body: Buffer.concat(body), headers: pageLinks(path, query, page, found) };
}
