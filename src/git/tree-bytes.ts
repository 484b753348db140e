import { RuntreeError } from "../domain/errors.ts";

/*
 * A tree's bytes, as git's `tree-walk.c` reads them: entries `mode SP name NUL id`, one after another, the id being 20
 * bytes. What is here works on these bytes without making strings: an edit of one document passes a thousand entries
 * that it does not touch.
 */

export const ID_BYTES = 20;
export const SPACE = 0x20;
const SLASH = 0x2f;
const ZERO = 0x30;
const SEVEN = 0x37;
const FOLDER_BEGINNING = Buffer.from("40000 ", "latin1");
const FILE_BEGINNING = Buffer.from("100644 ", "latin1");

/** The error of a tree that is no tree; `words` say what it has or is. */
export function corruptTree(words: string): RuntreeError {
  return new RuntreeError("corrupt_object", `A tree object ${words}; run \`git fsck\`.`);
}

/** Where the NUL behind the name is, of the entry that begins at a place. Throws `corrupt_object` when the tree is cut off. */
export function nulOf(data: Buffer, at: number): number {
  let nul = at;
  // Names are short: this is faster than leaving the language for a search.
  while (nul < data.length && data[nul] !== 0) nul++;
  if (nul + ID_BYTES >= data.length) throw corruptTree("is cut off");
  return nul;
}

/** Where the entry that begins at a place ends, and the next one begins. Throws `corrupt_object` when the tree is cut off. */
export function entryEnd(data: Buffer, at: number): number {
  return nulOf(data, at) + 1 + ID_BYTES;
}

/** Where the name of the entry that begins at a place begins. Throws `corrupt_object` when there is no octal mode before it. */
export function nameStart(data: Buffer, at: number): number {
  if (isFolderAt(data, at)) return at + FOLDER_BEGINNING.length;
  if (isFileAt(data, at)) return at + FILE_BEGINNING.length;
  let end = at;
  while (isOctal(data[end])) end++;
  if (data[end] !== SPACE) throw corruptTree("is cut off or holds a mode that is none");
  return end + 1;
}

function isOctal(byte = 0): boolean {
  return byte >= ZERO && byte <= SEVEN;
}

/** Tells whether the entry that begins at a place is a directory: its mode is `40000`. */
export function isFolderAt(data: Buffer, at: number): boolean {
  return hasBytes(data, at, FOLDER_BEGINNING);
}

/** Tells whether the entry that begins at a place is a plain file: its mode is `100644`. */
export function isFileAt(data: Buffer, at: number): boolean {
  return hasBytes(data, at, FILE_BEGINNING);
}

/** A name that ends in NUL, where it begins in some bytes, and whether it is a directory's. */
export interface NamePlace {
  readonly data: Buffer;
  readonly start: number;
  readonly isFolder: boolean;
}

/** The name of the entry that begins at a place. Throws `corrupt_object` when there is no octal mode before it. */
export function nameAt(data: Buffer, at: number): NamePlace {
  return { data, start: nameStart(data, at), isFolder: isFolderAt(data, at) };
}

/** Compares two names as git orders a tree: byte by byte, a directory's as if it ended in a slash. */
export function compareNames(left: NamePlace, right: NamePlace): number {
  return compareBytes(left.data, left.start, left.isFolder, right.data, right.start, right.isFolder);
}

export function compareBytes(
  left: Buffer,
  leftStart: number,
  leftIsFolder: boolean,
  right: Buffer,
  rightStart: number,
  rightIsFolder: boolean,
): number {
  for (let at = 0; ; at++) {
    const leftByte = left[leftStart + at] ?? 0;
    const rightByte = right[rightStart + at] ?? 0;
    if (leftByte === rightByte && leftByte !== 0) continue;
    return (leftByte === 0 && leftIsFolder ? SLASH : leftByte) - (rightByte === 0 && rightIsFolder ? SLASH : rightByte);
  }
}

/** Tells whether bytes stand at a place. Looks from the back, as names of one directory often begin alike. */
export function hasBytes(data: Buffer, start: number, bytes: Buffer): boolean {
  for (let at = bytes.length - 1; at >= 0; at--) if (data[start + at] !== bytes[at]) return false;
  return true;
}

/**
 * Where the entries of a tree begin. Throws `corrupt_object` when the tree is cut off or its entries are not in git's
 * order, each once.
 */
export function orderedEntries(data: Buffer): number[] {
  const starts: number[] = [];
  let before = -1;
  let beforeIsFolder = false;
  for (let at = 0; at < data.length;) {
    const start = nameStart(data, at);
    const isFolder = isFolderAt(data, at);
    if (before >= 0 && compareBytes(data, before, beforeIsFolder, data, start, isFolder) >= 0)
      throw corruptTree("is out of order or has a name twice");
    starts.push(at);
    before = start;
    beforeIsFolder = isFolder;
    at = entryEnd(data, start);
  }
  return starts;
}

/** Where a name stands in a tree: the bytes of its entry, or none where its entry would stand. */
interface Located<Place> {
  readonly place: Place;
  readonly start: number;
  readonly end: number;
}

/** Finds where names, which are in git's order as the tree is, stand in it. Throws `corrupt_object` when the tree is cut off. */
export function locateNames<Place extends NamePlace>(data: Buffer, places: readonly Place[]): Located<Place>[] {
  const located: Located<Place>[] = [];
  for (let at = 0; at < data.length;) {
    const name = nameStart(data, at);
    const isFolder = isFolderAt(data, at);
    const end = entryEnd(data, name);
    for (let place = places[located.length]; place !== undefined; place = places[located.length]) {
      const order = compareBytes(place.data, place.start, place.isFolder, data, name, isFolder);
      if (order > 0) break;
      located.push({ place, start: at, end: order === 0 ? end : at });
    }
    at = end;
  }
  for (const place of places.slice(located.length)) located.push({ place, start: data.length, end: data.length });
  return located;
}

/**
 * Walks two trees side by side and returns where the entries begin that only one of them has as they are. In trees out
 * of git's order it may return an entry that both have, but never leaves a difference out. Throws `corrupt_object` when
 * a tree is cut off.
 */
export function differingEntries(before: Buffer, after: Buffer): { before: number[]; after: number[] } {
  const found: { before: number[]; after: number[] } = { before: [], after: [] };
  const alike = equalBytes(before, after);
  let left = 0;
  while (left < alike) {
    const end = entryEnd(before, left);
    if (end > alike) break;
    left = end;
  }
  let right = left;
  while (left < before.length && right < after.length) {
    const leftEnd = entryEnd(before, left);
    const rightEnd = entryEnd(after, right);
    const order = compareNames(nameAt(before, left), nameAt(after, right));
    const same = order === 0 && before.compare(after, right, rightEnd, left, leftEnd) === 0;
    if (order <= 0) {
      if (!same) found.before.push(left);
      left = leftEnd;
    }
    if (order >= 0) {
      if (!same) found.after.push(right);
      right = rightEnd;
    }
    // Mostly that was the only one: the rest is compared at the speed of memory, and passed once, for damage.
    if (before.length - left === after.length - right && before.compare(after, right, after.length, left) === 0) {
      while (left < before.length) left = entryEnd(before, left);
      return found;
    }
  }
  for (; left < before.length; left = entryEnd(before, left)) found.before.push(left);
  for (; right < after.length; right = entryEnd(after, right)) found.after.push(right);
  return found;
}

/** How many bytes both begin with. */
function equalBytes(left: Buffer, right: Buffer): number {
  let low = 0;
  let high = Math.min(left.length, right.length);
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (left.compare(right, low, middle, low, middle) === 0) low = middle;
    else high = middle - 1;
  }
  return low;
}
