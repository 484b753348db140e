/** How many bytes are compared at once before the place of a difference is looked for byte by byte. */
const STRIDE = 256;

/** The largest copy that one instruction of git's delta format can say without a third size byte. */
const MAX_COPY = 0xffff;
const MAX_INSERT = 127;

function commonPrefix(left: Buffer, right: Buffer): number {
  const end = Math.min(left.length, right.length);
  let at = 0;
  while (at + STRIDE <= end && left.compare(right, at, at + STRIDE, at, at + STRIDE) === 0) at += STRIDE;
  while (at < end && left[at] === right[at]) at++;
  return at;
}

function commonSuffix(left: Buffer, right: Buffer, most: number): number {
  const [ends, starts] = [left.length, right.length];
  let length = 0;
  while (
    length + STRIDE <= most &&
    left.compare(right, starts - length - STRIDE, starts - length, ends - length - STRIDE, ends - length) === 0
  )
    length += STRIDE;
  while (length < most && left[ends - length - 1] === right[starts - length - 1]) length++;
  return length;
}

/** Longest forms of a size and of an instruction to copy. */
const SIZE_BYTES = 8;
const COPY_BYTES = 7;

/** Each of these writes at a place and returns where it ends. */
function writeSize(into: Buffer, place: number, size: number): number {
  let [at, rest] = [place, size];
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) into[at++] = (rest & 0x7f) | 0x80;
  into[at++] = rest;
  return at;
}

function writeCopy(into: Buffer, place: number, from: number, length: number): number {
  let at = place;
  for (let start = from, rest = length; rest > 0;) {
    const size = Math.min(rest, MAX_COPY);
    const instruction = at++;
    let present = 0x80;
    for (let bit = 0, left = start; bit < 4; bit++, left = Math.floor(left / 256)) {
      if ((left & 0xff) === 0) continue;
      present |= 1 << bit;
      into[at++] = left & 0xff;
    }
    for (let bit = 0, left = size; bit < 2; bit++, left >>= 8) {
      if ((left & 0xff) === 0) continue;
      present |= 16 << bit;
      into[at++] = left & 0xff;
    }
    into[instruction] = present;
    start += size;
    rest -= size;
  }
  return at;
}

function writeInsert(into: Buffer, place: number, bytes: Buffer): number {
  let at = place;
  for (let start = 0; start < bytes.length; start += MAX_INSERT) {
    const end = Math.min(start + MAX_INSERT, bytes.length);
    into[at++] = end - start;
    at += bytes.copy(into, at, start, end);
  }
  return at;
}

/**
 * A delta in git's format (gitformat-pack, "Deltified representation") that keeps the first and the last bytes of its
 * base, `head` and `tail` of them, with others in between.
 */
export function spliceDelta(baseLength: number, head: number, middle: Buffer, tail: number): Buffer {
  const copies = Math.ceil(head / MAX_COPY) + Math.ceil(tail / MAX_COPY);
  const inserts = middle.length + Math.ceil(middle.length / MAX_INSERT);
  const bytes = Buffer.allocUnsafe(2 * SIZE_BYTES + copies * COPY_BYTES + inserts);
  let at = writeSize(bytes, 0, baseLength);
  at = writeSize(bytes, at, head + middle.length + tail);
  at = writeCopy(bytes, at, 0, head);
  at = writeInsert(bytes, at, middle);
  at = writeCopy(bytes, at, baseLength - tail, tail);
  return bytes.subarray(0, at);
}

/** A delta that keeps what two byte strings have in common at their start and at their end. Null when it would not be half as long as the result, and for nothing, which git takes no delta for. */
export function makeDelta(base: Buffer, result: Buffer): Buffer | null {
  const head = commonPrefix(base, result);
  const tail = commonSuffix(base, result, Math.min(base.length, result.length) - head);
  const middle = result.subarray(head, result.length - tail);
  const poor = result.length === 0 || middle.length * 2 > result.length;
  return poor ? null : spliceDelta(base.length, head, middle, tail);
}
