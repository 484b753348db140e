import type { RuntreeError } from "../domain/errors.ts";
import { refused } from "./refused.ts";

/** The parameters by which a page is asked for; what else a query has filters. */
export interface PageQuery {
  readonly limit?: number;
  readonly offset?: number;
  readonly cursor?: string;
  readonly page?: number;
  readonly page_size?: number;
}

/** A page that is asked for: so many behind an offset, behind what a cursor names (null: from the beginning), or a page by number. */
export type Page =
  | { readonly way: "offset"; readonly limit: number; readonly offset: number }
  | { readonly way: "cursor"; readonly limit: number; readonly offset: 0; readonly after: string | null }
  | { readonly way: "page"; readonly limit: number; readonly offset: number; readonly page: number };

/** What was found of a page. */
interface Found {
  /** How many there are in all. */
  readonly total: number;
  /** What the last item is called by a cursor; null when nothing follows it. */
  readonly last: string | null;
  /** How many the page took; as many as were asked for unless stated. */
  readonly taken?: number;
}

const DEFAULT_LIMIT = 50;

function mixed(name: string, others: string): RuntreeError {
  const ways = "ask by limit and offset, by cursor and limit, or by page and page_size";
  return refused(`/${name}`, `${name} does not go with ${others}: ${ways}.`);
}

/** The error of a cursor that no page gave. */
export function badCursor(): RuntreeError {
  return refused("/cursor", "This cursor is none that a page gave; begin with an empty one.");
}

/** Reads which page a query asks for. Throws `bad_request` where it mixes the ways, or its cursor is none of ours. */
export function pageOf(query: PageQuery): Page {
  const { limit, offset, cursor, page, page_size: size } = query;
  if (cursor !== undefined) {
    if (offset !== undefined) throw mixed("offset", "cursor");
    if (page !== undefined) throw mixed("page", "cursor");
    if (size !== undefined) throw mixed("page_size", "cursor");
    return {
      way: "cursor",
      limit: limit ?? DEFAULT_LIMIT,
      offset: 0,
      after: cursor === "" ? null : readCursor(cursor),
    };
  }
  if (page === undefined && size === undefined)
    return { way: "offset", limit: limit ?? DEFAULT_LIMIT, offset: offset ?? 0 };
  if (limit !== undefined) throw mixed("limit", "page and page_size");
  if (offset !== undefined) throw mixed("offset", "page and page_size");
  const each = size ?? DEFAULT_LIMIT;
  return { way: "page", limit: each, offset: ((page ?? 1) - 1) * each, page: page ?? 1 };
}

/** The members of a page's answer beside its items. */
export function pageMembers(page: Page, { total, last }: Found): Readonly<Record<string, number | string | null>> {
  const { limit, offset } = page;
  if (page.way === "cursor") return { next_cursor: last === null ? null : writeCursor(last) };
  return page.way === "page" ? { total, page: page.page, page_size: limit } : { total, limit, offset };
}

/** The `Link` header of a page (RFC 8288): first, previous, next and last, with the query they need. No header for a single page. */
export function pageLinks(
  path: string,
  query: PageQuery | Readonly<Record<string, string>>,
  page: Page,
  { total, last, taken = page.limit }: Found,
): Record<string, string> {
  const link = (relation: string, place: PageQuery): string => {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...query, ...place }))
      if (value !== undefined) parameters.set(name, String(value));
    return `<${path}?${parameters.toString()}>; rel="${relation}"`;
  };
  const { limit, offset } = page;
  if (page.way === "cursor") {
    if (last === null && page.after === null) return {};
    const next = last === null ? [] : [link("next", { limit, cursor: writeCursor(last) })];
    return { Link: [link("first", { limit, cursor: "" }), ...next].join(", ") };
  }
  if (total <= taken && offset === 0) return {};
  const placeAt = (at: number): PageQuery =>
    page.way === "page" ? { page: at / limit + 1, page_size: limit } : { limit, offset: at };
  const end = Math.max(0, Math.floor((total - 1) / limit) * limit);
  return {
    Link: [
      link("first", placeAt(0)),
      ...(offset > 0 ? [link("prev", placeAt(Math.max(0, offset - limit)))] : []),
      ...(taken > 0 && offset + taken < total ? [link("next", placeAt(offset + taken))] : []),
      link("last", placeAt(end)),
    ].join(", "),
  };
}

function writeCursor(name: string): string {
  return Buffer.from(name, "utf8").toString("base64url");
}

function readCursor(cursor: string): string {
  const name = Buffer.from(cursor, "base64url").toString("utf8");
  if (writeCursor(name) === cursor) return name;
  throw badCursor();
}
