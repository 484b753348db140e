import {
  compareBytes,
  corruptTree,
  hasBytes,
  ID_BYTES,
  isFolderAt,
  nameStart,
  nulOf,
  orderedEntries,
  SPACE,
} from "./tree-bytes.ts";

/** In a tree of more bytes, a name that is not there is found missing faster by a plain search for its bytes. */
const LARGE = 4096;

/** A tree of fewer bytes is passed as fast as it is halved. */
const SMALL = 1024;

/** Of so many looks one notes the entries of the tree it passes: one that is asked often soon is, one of a commit under way hardly ever. */
const LOOKS = 64;
let looks = 0;

/** Where the entries of a tree begin, null when it cannot be halved. For as long as its bytes are in memory; it adds a seventh to them at most. */
const noted = new WeakMap<Buffer, Uint32Array | null>();

/**
 * Finds the entry of a name, of whatever mode; -1 when there is none. The tree is passed to its end, at least until it was
 * passed whole and found in order, so that damage is found wherever it is, but for a large tree that has no such bytes at
 * all. Throws `corrupt_object` when the tree is cut off or has the name twice.
 */
export function findName(data: Buffer, name: Buffer): number {
  const places = data.length < SMALL ? null : placesOf(data);
  return places === null ? passFor(data, name) : halveFor(data, places, name);
}

/** Where the entries of a tree begin; null while, or because, it should be passed. */
function placesOf(data: Buffer): Uint32Array | null {
  const known = noted.get(data);
  if (known !== undefined) return known;
  looks = (looks + 1) % LOOKS;
  if (looks > 0) return null;
  const places = halvable(data);
  noted.set(data, places);
  return places;
}

/** Where the entries of a tree begin that are in git's order, and all directories or none of them: where both are, they may share a name. */
function halvable(data: Buffer): Uint32Array | null {
  try {
    const places = Uint32Array.from(orderedEntries(data));
    const folders = isFolderAt(data, 0);
    return places.every((at) => isFolderAt(data, at) === folders) ? places : null;
  } catch {
    // Passing it tells what is wrong, if that concerns who asks.
    return null;
  }
}

/**
 * Notes where the entries begin of a tree that was made from another by a change of one entry, if that is known of the
 * other: one that was put in or taken out at a place, or that has another id.
 */
export function noteEdited(before: Buffer, after: Buffer, at: number): void {
  const places = noted.get(before);
  if (places == null) return;
  const added = after.length - before.length;
  if (added === 0) {
    noted.set(after, places);
    return;
  }
  const index = indexOf(places, at);
  const rest = places.subarray(added > 0 ? index : index + 1);
  const next = new Uint32Array(index + (added > 0 ? 1 : 0) + rest.length);
  next.set(places.subarray(0, index));
  if (added > 0) next[index] = at;
  const first = next.length - rest.length;
  for (let each = 0; each < rest.length; each++) next[first + each] = (rest[each] ?? 0) + added;
  noted.set(after, next);
}

/** How many of the places are before one. */
function indexOf(places: Uint32Array, at: number): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((places[middle] ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Tells whether names of a tree are found without passing it. */
export function isNoted(data: Buffer): boolean {
  return noted.get(data) != null;
}

/**
 * Where the entry of a file would begin that has this name, which has no NUL and which the tree does not have; null when
 * that takes passing the tree, as its entries were not noted or are no files.
 */
export function placeOfNew(data: Buffer, name: Buffer): number | null {
  const places = noted.get(data) ?? null;
  if (places === null || isFolderAt(data, 0)) return null;
  const { index } = halve(data, places, name);
  return places[index] ?? data.length;
}

function passFor(data: Buffer, name: Buffer): number {
  if (data.length > LARGE && data.indexOf(name) < 0) return -1;
  let found = -1;
  for (let at = 0; at < data.length;) {
    const nul = nulOf(data, at);
    const start = nul - name.length;
    if (start > at && data[start - 1] === SPACE && hasBytes(data, start, name) && nameStart(data, at) === start) {
      if (found >= 0) throw corruptTree("has a name twice");
      found = at;
    }
    at = nul + 1 + ID_BYTES;
  }
  return found;
}

/** Which entry has a name, and which is the first that is not before it. A name that holds a NUL compares as if it ended there. */
function halve(data: Buffer, places: Uint32Array, name: Buffer): { index: number; isThere: boolean } {
  const isFolder = isFolderAt(data, 0);
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compareBytes(name, 0, isFolder, data, nameStart(data, places[middle] ?? 0), isFolder);
    if (order === 0) return { index: middle, isThere: true };
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return { index: low, isThere: false };
}

function halveFor(data: Buffer, places: Uint32Array, name: Buffer): number {
  const { index, isThere } = halve(data, places, name);
  if (!isThere) return -1;
  const at = places[index] ?? 0;
  const start = nameStart(data, at);
  return nulOf(data, start) - start === name.length ? at : -1;
}
