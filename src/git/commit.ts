import { RuntreeError } from "../domain/errors.ts";
import { type EncodedObject, encodeObject, type GitObject, type Oid, type ReadObject } from "./objects.ts";

/** A person or program in a commit; `seconds` since 1970 UTC. */
export interface Signature {
  readonly name: string;
  readonly email: string;
  readonly seconds: number;
}

export interface Commit {
  readonly tree: Oid;
  readonly parents: readonly Oid[];
  readonly author: Signature;
  readonly committer: Signature;
  readonly message: string;
}

/** A name or address as a header line can hold it. */
function headerText(text: string): string {
  return oneLine(text.replace(/[<>]/g, ""));
}

function formatSignature({ name, email, seconds }: Signature): string {
  return `${headerText(name) || "unknown"} <${headerText(email)}> ${seconds} +0000`;
}

function parseSignature(text: string): Signature {
  const parts = /^(.*?) ?<([^>]*)> (\d+) [+-]\d{4}$/.exec(text);
  return parts === null
    ? { name: text, email: "", seconds: 0 }
    : { name: parts[1] ?? "", email: parts[2] ?? "", seconds: Number(parts[3]) };
}

/** Makes the commit object. Characters that would break a header line are left out of names. */
export function encodeCommit(commit: Commit): EncodedObject {
  const lines = [
    `tree ${commit.tree}`,
    ...commit.parents.map((parent) => `parent ${parent}`),
    `author ${formatSignature(commit.author)}`,
    `committer ${formatSignature(commit.committer)}`,
  ];
  return encodeObject("commit", `${lines.join("\n")}\n\n${commit.message}`);
}

/** Reads a commit's bytes; headers that Runtree does not use (signatures, encodings) are passed over. */
export function parseCommit(data: Buffer): Commit {
  const text = data.toString("utf8");
  const end = text.indexOf("\n\n");
  const head = end < 0 ? text : text.slice(0, end);
  const found = { tree: "", parents: [] as Oid[], author: "", committer: "" };
  for (const line of head.split("\n")) {
    const space = line.indexOf(" ");
    const [key, value] = [line.slice(0, space), line.slice(space + 1)];
    if (key === "parent") found.parents.push(value);
    else if (key === "tree" || key === "author" || key === "committer") found[key] = value;
  }
  return {
    tree: found.tree,
    parents: found.parents,
    author: parseSignature(found.author),
    committer: parseSignature(found.committer),
    message: end < 0 ? "" : text.slice(end + 2),
  };
}

/** Reads a commit by id. Throws `corrupt_object` when it is missing or something else. */
export function readCommit(read: ReadObject, oid: Oid): Commit {
  const { data } = readCommitObject(read, oid);
  let commit = parsed.get(data);
  if (commit === undefined) parsed.set(data, (commit = parseCommit(data)));
  return commit;
}

/** Commits by their bytes, for as long as these are in memory: a request reads the same few again and again. */
const parsed = new WeakMap<Buffer, Commit>();

function readCommitObject(read: ReadObject, oid: Oid): GitObject {
  const object = read(oid);
  if (object?.type === "commit") return object;
  throw new RuntreeError("corrupt_object", `Commit ${oid} is missing; run \`git fsck\`.`, { oid });
}

/** The parents of a commit, first parent first, without reading the rest. Throws `corrupt_object` as `readCommit` does. */
export function readParents(read: ReadObject, oid: Oid): Oid[] {
  const { data } = readCommitObject(read, oid);
  const parents: Oid[] = [];
  for (let at = data.indexOf(0x0a) + 1; data.toString("latin1", at, at + PARENT.length) === PARENT;) {
    parents.push(data.toString("latin1", at + PARENT.length, at + PARENT.length + 40));
    at += PARENT.length + 41;
  }
  return parents;
}

const PARENT = "parent ";

/** One line of user text: control characters become spaces, so that it can neither end the subject nor forge a trailer. */
export function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this removes
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim();
}

/** A line at which `git interpret-trailers` takes a message to end. */
const DIVIDER = /^---/;

/** Builds a commit message: subject, optional body lines, trailers (`git interpret-trailers` reads them). */
export function formatMessage(
  subject: string,
  body: readonly string[],
  trailers: readonly (readonly [string, string])[],
): string {
  const blocks = [
    oneLine(subject),
    body.map((line) => oneLine(line).replace(DIVIDER, " $&")).join("\n"),
    trailers.map(([key, value]) => `${key}: ${oneLine(value)}`).join("\n"),
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

/** The first line of a message. */
export function subjectOf(message: string): string {
  return message.split("\n", 1)[0] ?? "";
}

/** The value of a trailer in a message's last paragraph, which is not its first; null when absent. */
export function trailerOf(message: string, key: string): string | null {
  const [, ...paragraphs] = message.trimEnd().split("\n\n");
  const line = (paragraphs.at(-1) ?? "").split("\n").find((candidate) => candidate.startsWith(`${key}: `));
  return line === undefined ? null : line.slice(key.length + 2);
}
