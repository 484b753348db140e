import { createHash, randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { RuntreeError, systemCode } from "../domain/errors.ts";
import type { Role } from "../domain/roles.ts";
import { type FileSystem, ioError, makeFolder, readFileOrNull, syncPath, writeSynced } from "../git/files.ts";
import { checkShape } from "../schema/shapes.ts";

/** A key as it is kept: of the secret only its SHA-256. Times are RFC 3339, null when it never happens or has not happened. */
export interface KeyRecord {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly sha256: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
}

/** What a key begins with, so that people and scanners of leaked secrets recognise it; its id and the secret follow. */
const KEY = /^runtree_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

/** Letters and digits of any script, and what names have between them. */
const NAME = /^[\p{L}\p{N}](?:[\p{L}\p{N} ._@+'-]{0,98}[\p{L}\p{N}])?$/u;

/** Who is never somebody with a key. */
const RESERVED = new Set(["local", "anonymous"]);

/** The file of a data directory that holds its keys. */
export function keysPath(data: string): string {
  return `${resolve(data)}/keys.json`;
}

/** The SHA-256 of a key, in hexadecimal. */
export function keyDigest(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

/** The id that a key names; null when it is none of ours. */
export function keyIdOf(key: string): string | null {
  return KEY.exec(key)?.[1] ?? null;
}

/** The keys of a data directory, oldest first, those that expired or were revoked, too; none when there is no file. Throws `bad_configuration`. */
export function readKeys(fs: FileSystem, data: string): readonly KeyRecord[] {
  const path = keysPath(data);
  const bytes = readFileOrNull(fs, path);
  if (bytes === null) return [];
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new RuntreeError("bad_configuration", `${path} is not JSON; restore it from a backup.`, { path }, error);
  }
  const [problem] = checkShape("key#KeyFile", value);
  if (problem === undefined) return (value as { keys: readonly KeyRecord[] }).keys;
  const words = `${path} holds no keys that can be read: ${problem.pointer || "it"} ${problem.message}.`;
  throw new RuntreeError("bad_configuration", words, { path });
}

/**
 * Makes a key and stores its digest. The key is 256 random bits behind its id, URL-safe, and told here only. Throws
 * `bad_request` for a name that cannot be an author in Git, `busy` while another process writes keys, `io_failed`, `disk_full`.
 */
export function createKey(
  fs: FileSystem,
  data: string,
  wanted: { readonly name: string; readonly role: Role; readonly expiresAt: string | null },
  now: number,
): { readonly record: KeyRecord; readonly key: string } {
  const name = wanted.name.normalize("NFC");
  if (!NAME.test(name) || RESERVED.has(name.toLowerCase())) {
    const words = `A key cannot be called ${JSON.stringify(wanted.name)}: names are 1 to 100 letters and digits, with . _ @ + ' - and spaces between them, and not local or anonymous.`;
    throw new RuntreeError("bad_request", words, { name });
  }
  const id = randomBytes(6).toString("hex");
  const key = `runtree_${id}_${randomBytes(32).toString("base64url")}`;
  const record: KeyRecord = {
    id,
    name,
    role: wanted.role,
    sha256: keyDigest(key),
    created_at: new Date(now).toISOString(),
    expires_at: wanted.expiresAt,
    revoked_at: null,
  };
  changeKeys(fs, data, (keys) => [...keys, record]);
  return { record, key };
}

/** Revokes a key for good; again is no error. Throws `not_found`, and what writing keys throws. */
export function revokeKey(fs: FileSystem, data: string, id: string, now: number): KeyRecord {
  let revoked: KeyRecord | undefined;
  changeKeys(fs, data, (keys) =>
    keys.map((record) => {
      if (record.id !== id) return record;
      revoked = { ...record, revoked_at: record.revoked_at ?? new Date(now).toISOString() };
      return revoked;
    }),
  );
  if (revoked === undefined)
    throw new RuntreeError("not_found", `There is no key ${id}; \`runtree key list\` shows them.`, { id });
  return revoked;
}

/** Puts the keys in place durably. The new file is the lock at the same time, as git does it, so no writer overlooks another. */
function changeKeys(fs: FileSystem, data: string, change: (keys: readonly KeyRecord[]) => readonly KeyRecord[]): void {
  const path = keysPath(data);
  const lock = `${path}.lock`;
  try {
    makeFolder(fs, resolve(data));
    fs.closeSync(fs.openSync(lock, "wx", 0o600));
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw ioError(error, "writing", path);
    const words = `Another process writes keys just now. Try again; if none does, remove ${lock}.`;
    throw new RuntreeError("busy", words, { lock }, error);
  }
  try {
    const content = { format: 1, keys: change(readKeys(fs, data)) };
    writeSynced(fs, lock, Buffer.from(`${JSON.stringify(content, null, 2)}\n`), "w", 0o600);
    fs.renameSync(lock, path);
    syncPath(fs, resolve(data));
  } catch (error) {
    fs.rmSync(lock, { force: true });
    throw ioError(error, "writing", path);
  }
}
