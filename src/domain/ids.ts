import { hash } from "node:crypto";

/** Longest file name of a document, without `.json`, in bytes. */
const MAX_ENCODED_BYTES = 160;
const COLLECTION = /^[a-z][a-z0-9_-]{0,63}$/;
/** Bytes that do not stand for themselves in a file name. */
const ESCAPED = /[^A-Za-z0-9._-]/g;
const ALPHANUMERIC = /^[A-Za-z0-9]/;
/** Ids that are their own file names, unless Windows keeps them for devices. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
/** Names that Windows keeps for devices, with or without an extension. */
const DEVICE = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;
/** A surrogate without its other half, which UTF-8 cannot hold. */
export const LONE_SURROGATE: RegExp = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Tells whether a text may name a collection. */
export function isCollectionName(text: string): boolean {
  return COLLECTION.test(text);
}

/** Says in a few words why a text cannot be a document's id; null when it can. */
export function idProblem(id: string): string | null {
  if (id === "") return "an id must not be empty";
  if (LONE_SURROGATE.test(id)) return "an id must be well-formed Unicode";
  if (id === ".." || id.endsWith(".")) return 'an id must not end in "."';
  if (id.endsWith(".lock")) return 'an id must not end in ".lock"';
  if (encodeId(id).length > MAX_ENCODED_BYTES) return `an id must fit ${MAX_ENCODED_BYTES} bytes as a file name`;
  return null;
}

/** A byte as an escape. */
function escape(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

/** Tells whether an id is its own file name: most are, and it is quickly seen. */
function isPlain(id: string): boolean {
  return PLAIN.test(id) && !DEVICE.test(id);
}

/** The file name, without `.json`, of a document's id. */
export function encodeId(id: string): string {
  if (isPlain(id)) return id;
  const text = Buffer.from(id, "utf8").toString("latin1");
  const guarded = text !== "" && (!ALPHANUMERIC.test(text) || DEVICE.test(text));
  return guarded ? escape(text) + text.slice(1).replace(ESCAPED, escape) : text.replace(ESCAPED, escape);
}

/** The id whose file name this is; null when no id has this file name. */
export function decodeId(name: string): string | null {
  if (isPlain(name)) return idProblem(name) === null ? name : null;
  const text = name.replace(/%([0-9A-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  const id = Buffer.from(text, "latin1").toString("utf8");
  return encodeId(id) === name && idProblem(id) === null ? id : null;
}

/** Text of which some letters, those beyond ASCII, have several spellings: in an id, and in a file name. */
const SPELT_VARIOUSLY = /[\u0080-\uffff]|%[89A-F]/;

/** What the file names of two ids that collide have in common; null when a name must be looked at for any id. */
export function collisionKey(name: string): string | null {
  // The first byte of a device's name is escaped, in upper and lower case differently.
  return name.startsWith("%") || SPELT_VARIOUSLY.test(name) ? null : name.toLowerCase();
}

/** The form in which two ids collide: NFC and lower case, both at once, as some letters are composed in lower case only. */
export function foldId(id: string): string {
  if (PLAIN.test(id)) return id.toLowerCase();
  return id.normalize("NFC").toLowerCase().normalize("NFC");
}

/** The folders of a document inside its collection: none, `xx/` or `xx/yy/`, from the SHA-1 of the folded id. */
export function shardOf(id: string, shards: number): string {
  if (shards === 0) return "";
  const digest = hash("sha1", foldId(id), "hex");
  let folders = "";
  for (let level = 0; level < shards; level++) folders += `${digest.slice(level * 2, level * 2 + 2)}/`;
  return folders;
}
