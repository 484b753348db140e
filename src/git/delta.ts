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

function writeSize(into: number[], size: number): void {
  let rest = size;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) into.push((rest & 0x7f) | 0x80);
  into.push(rest);
}

function writeCopy(into: number[], from: number, length: number): void {
  for (let at = from, rest = length; rest > 0;) {
    const size = Math.min(rest, MAX_COPY);
    const place = into.push(0x80) - 1;
    for (let bit = 0; bit < 4; bit++) {
      const byte = Math.floor(at / 2 ** (8 * bit)) & 0xff;
      if (byte === 0) continue;
      into[place] = (into[place] ?? 0) | (1 << bit);
      into.push(byte);
    }
    for (let bit = 0; bit < 2; bit++) {
      const byte = (size >> (8 * bit)) & 0xff;
      if (byte === 0) continue;
      into[place] = (into[place] ?? 0) | (16 << bit);
      into.push(byte);
    }
    at += size;
    rest -= size;
  }
}

/**
 * A delta in git's format (gitformat-pack, "Deltified representation") that keeps the first and the last bytes of its
 * base, `head` and `tail` of them, with others in between.
 */
export function spliceDelta(baseLength: number, head: number, middle: Buffer, tail: number): Buffer {
  const start: number[] = [];
  writeSize(start, baseLength);
  writeSize(start, head + middle.length + tail);
  writeCopy(start, 0, head);
  const pieces: Buffer[] = [Buffer.from(start)];
  for (let at = 0; at < middle.length; at += MAX_INSERT) {
    const piece = middle.subarray(at, at + MAX_INSERT);
    pieces.push(Buffer.from([piece.length]), piece);
  }
  const end: number[] = [];
  writeCopy(end, baseLength - tail, tail);
  pieces.push(Buffer.from(end));
  return Buffer.concat(pieces);
}

/** A delta that keeps what two byte strings have in common at their start and at their end. Null when it would not be half as long as the result, and for nothing, which git takes no delta for. */
export function makeDelta(base: Buffer, result: Buffer): Buffer | null {
  const head = commonPrefix(base, result);
  const tail = commonSuffix(base, result, Math.min(base.length, result.length) - head);
  const middle = result.subarray(head, result.length - tail);
  const poor = result.length === 0 || middle.length * 2 > result.length;
  return poor ? null : spliceDelta(base.length, head, middle, tail);
}
