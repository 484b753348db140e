/** The longest text that is taken as it is, in characters; what goes beyond is cut off. */
const MOST_TEXT = 10_000;

/** The last moment that RFC 3339 can write, and the first, in ms since 1970. */
const LAST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const FIRST = Date.parse("0000-01-01T00:00:00Z");

/** The members of an answer that are read, and nothing is known about them yet. */
export type Unread<Shape> = { readonly [Name in keyof Shape]?: unknown };

/** An answer that is not what it should be. It ends as `unreadable`. */
class Unreadable extends Error {}

/** The members of an object, to be read one by one. */
export function members<Shape>(value: unknown): Unread<Shape> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Unreadable("not an object");
  return value;
}

export function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Unreadable("not a list");
  return value;
}

/** Items that are kept, of which there are only so many. */
export function few<Item>(items: readonly Item[], most: number): readonly Item[] {
  if (items.length > most) throw new Unreadable(`more than ${most}`);
  return items;
}

/** The entries of an object; none where it is left out or null. */
export function entries(value: unknown): readonly (readonly [string, unknown])[] {
  return Object.entries(members<Record<string, unknown>>(value ?? {}));
}

/** An id as Galaxy makes them: it is fit for a path, for a file, and for a line. */
export function id(value: unknown): string {
  if (typeof value !== "string" || !isId(value)) throw new Unreadable("not an id");
  return value;
}

export function idOrNull(value: unknown): string | null {
  return value === undefined || value === null ? null : id(value);
}

/** Tells whether a text can be an id. */
export function isId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,128}$/.test(text);
}

/** A text, with what is no Unicode in it replaced. */
export function text(value: unknown): string {
  if (typeof value !== "string") throw new Unreadable("not a text");
  return value.slice(0, MOST_TEXT).replaceAll(/\p{Surrogate}/gu, "\uFFFD");
}

export function textOrNull(value: unknown): string | null {
  return value === undefined || value === null ? null : text(value);
}

/** A word for a state: fit to be the name of a member. */
export function word(value: unknown): string {
  if (typeof value !== "string" || !/^(?!constructor$|prototype$)[a-z][\w-]{0,63}$/i.test(value))
    throw new Unreadable("not a word");
  return value;
}

/** A whole number from 0. */
export function count(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw new Unreadable("not a number");
  return value;
}

export function countOrNull(value: unknown): number | null {
  return value === undefined || value === null ? null : count(value);
}

/** A time as RFC 3339 in UTC, which is what Galaxy means by a time without a zone; null for what is none. */
export function time(value: unknown): string | null {
  if (typeof value !== "string") return null;
  const at = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/i.test(value) ? value : `${value}Z`);
  return at >= FIRST && at <= LAST ? new Date(at).toISOString() : null;
}
