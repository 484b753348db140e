import { hash } from "node:crypto";

/** A SHA-1 object id: 40 lower-case hex digits. */
export type Oid = string;

export type ObjectType = "blob" | "tree" | "commit" | "tag";

/** An object as git keeps it: its type and its bytes without the header. */
export interface GitObject {
  readonly type: ObjectType;
  readonly data: Buffer;
}

/** An object together with its id, ready to be written. */
export interface EncodedObject extends GitObject {
  readonly oid: Oid;
  /** The object it was made from by a small change, for delta encoding. */
  readonly base?: Oid;
  /** What makes it from its base, in git's delta format, where that is known already. */
  readonly delta?: Buffer;
}

/** Reads one object; null when the repository does not have it. */
export type ReadObject = (oid: Oid) => GitObject | null;

const OID = /^[0-9a-f]{40}$/;

/** Tells whether a text is a full object id. */
export function isOid(text: string): boolean {
  return OID.test(text);
}

/** The header that git hashes before an object's bytes. */
export function objectHeader(type: ObjectType, length: number): Buffer {
  return Buffer.from(`${type} ${length}\0`, "latin1");
}

/** The id of an object: SHA-1 over header and bytes. */
export function hashObject(type: ObjectType, data: Buffer): Oid {
  return hash("sha1", Buffer.concat([objectHeader(type, data.length), data]), "hex");
}

/** Makes an object ready to be written. A text becomes its UTF-8 bytes, pieces are put together. */
export function encodeObject(type: ObjectType, data: Buffer | string | readonly Buffer[]): EncodedObject {
  if (Buffer.isBuffer(data)) return encodeObject(type, [data]);
  const length = typeof data === "string" ? Buffer.byteLength(data) : data.reduce((sum, { length }) => sum + length, 0);
  const header = `${type} ${length}\0`;
  // One buffer for both: what is hashed begins with the header, what is kept goes on behind it.
  const whole =
    typeof data === "string" ? Buffer.from(header + data, "utf8") : Buffer.concat([Buffer.from(header), ...data]);
  return { oid: hash("sha1", whole, "hex"), type, data: whole.subarray(header.length) };
}
