import { randomBytes } from "node:crypto";
import machineDisk from "node:fs";
import type { Configuration } from "../domain/configuration.ts";
import { RuntreeError } from "../domain/errors.ts";
import { canonicalJson, type Json } from "../domain/json.ts";
import { readJson } from "../domain/json-door.ts";
import { CONFIGURATION_FILE, documentAt, documentPath, MAIN, RUN_FILE, SCHEMA_PATH } from "../domain/layout.ts";
import { type FileSystem, listFolder, syncPath } from "../git/files.ts";
import { type EncodedObject, encodeObject, type Oid } from "../git/objects.ts";
import { BareRepository } from "../git/bare-repository.ts";
import { readerWith } from "../git/repository.ts";
import { installHooks, settingsText } from "../git/repository-setup.ts";
import { editTree } from "../git/tree-edit.ts";
import { authoredCommit } from "./authorship.ts";
import type { CommandChecks } from "./command-checks.ts";
import type { SchemaChecks } from "./schema-checks.ts";
import { configurationProblems, makeRules, type Rules } from "./rules.ts";
import { checkWholeTree } from "./whole-tree.ts";

/** What `git init --bare` makes. */
const FOLDERS = ["objects/info", "objects/pack", "refs/heads", "refs/tags"];

/** The files of a template folder, which is always the machine's, by path, `.git` left out. Throws `template_invalid` for links, devices, and names git could trip over. */
function templateFiles(folder: string, prefix = ""): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const { name } of listFolder(machineDisk, `${folder}/${prefix}`)) {
    const path = prefix + name;
    if (path === ".git") continue;
    if (/^(\.git(modules)?|git~\d+)$/i.test(name) || path === RUN_FILE || name.includes("\ufffd")) {
      throw invalid(path, "a file cannot be called so here");
    }
    const kind = machineDisk.lstatSync(`${folder}/${path}`);
    if (kind.isDirectory()) for (const [inner, bytes] of templateFiles(folder, `${path}/`)) files.set(inner, bytes);
    else if (kind.isFile()) files.set(path, machineDisk.readFileSync(`${folder}/${path}`));
    else throw invalid(path, "a template holds plain files and folders only");
  }
  return files;
}

function invalid(path: string, what: string, cause?: unknown): RuntreeError {
  return new RuntreeError("template_invalid", `The template cannot be used: ${path}: ${what}`, { path }, cause);
}

/** The JSON of a template file, through the same door as a submission. */
function parseTemplateJson(path: string, bytes: Buffer): Json {
  try {
    const { value, violations } = readJson(bytes);
    const [first] = violations;
    if (first !== undefined) throw new Error(`${first.pointer} ${first.message}`);
    return value;
  } catch (error) {
    throw invalid(path, error instanceof Error ? error.message : String(error), error);
  }
}

/** What the documents of a template are checked with, as the gate checks those of a run. */
export interface TemplateChecks {
  readonly schemas: SchemaChecks;
  readonly commands: CommandChecks;
}

/**
 * Makes a bare repository from a template folder: checked like a submission, written in canonical form, and brought
 * to its final name whole. Throws `template_invalid` with the first violations.
 */
export async function initialiseRepository(
  fs: FileSystem,
  gitDir: string,
  template: string,
  checks: TemplateChecks,
  who: { readonly node: string; readonly now: number },
): Promise<void> {
  const files = templateFiles(template);
  const configuration = files.get(CONFIGURATION_FILE);
  if (configuration === undefined) throw invalid(CONFIGURATION_FILE, `there is no such file in ${template}`);
  const [problem] = configurationProblems(parseTemplateJson(CONFIGURATION_FILE, configuration));
  if (problem !== undefined) throw invalid(CONFIGURATION_FILE, `${problem.pointer} ${problem.message}`);

  const blobs = [...files].map(([path, bytes]) => {
    const known = path === CONFIGURATION_FILE || SCHEMA_PATH.test(path) || documentAt(path) !== null;
    if (!known && path.includes("/")) throw invalid(path, "a template holds schemas, metadata, and files at its root");
    const value = known ? parseTemplateJson(path, bytes) : null;
    return { path, value, blob: encodeObject("blob", known ? canonicalJson(value) : bytes) };
  });
  const rules = makeRules(
    parseTemplateJson(CONFIGURATION_FILE, configuration) as unknown as Configuration,
    blobs.filter(({ path }) => SCHEMA_PATH.test(path)).map(({ path, value, blob }) => ({ path, value, oid: blob.oid })),
  );
  const places = new Map<string, Oid>();
  for (const { path, blob } of blobs) {
    const named = documentAt(path);
    const shards = named === null ? undefined : rules.collections.get(named.collection)?.shards;
    const place = named === null || shards === undefined ? path : documentPath(named.collection, named.id, shards);
    if (places.has(place)) throw invalid(path, `another file brings the same document, ${place}`);
    places.set(place, blob.oid);
  }

  const making = `${gitDir}${UNFINISHED}${randomBytes(6).toString("hex")}`;
  try {
    for (const folder of FOLDERS) fs.mkdirSync(`${making}/${folder}`, { recursive: true });
    fs.writeFileSync(`${making}/HEAD`, `ref: ${MAIN}\n`);
    fs.writeFileSync(`${making}/config`, settingsText());
    installHooks(fs, making);

    const repository = new BareRepository(fs, making);
    const { root, objects } = editTree(readerWith(repository), null, places);
    const all = [...blobs.map(({ blob }) => blob), ...objects];
    await checkTemplate(all, root ?? "", rules, checks);
    const commit = authoredCommit(
      readerWith(repository),
      { author: { principal: who.node, idempotency: null }, ...who },
      { subject: "Begin the record", trailers: [], tree: root ?? "", parents: [] },
    );
    await repository.apply({ objects: [...all, commit], refs: [{ ref: MAIN, from: null, to: commit.oid }] });
    await repository.close();
    syncAll(fs, making);
    fs.renameSync(making, gitDir);
    syncPath(fs, gitDir.slice(0, gitDir.lastIndexOf("/")));
  } catch (error) {
    fs.rmSync(making, { recursive: true, force: true });
    throw error;
  }
}

/** Removes what a first start that was killed left of a repository. The caller holds the data directory. */
export function clearUnfinished(fs: FileSystem, data: string): void {
  for (const { name } of listFolder(fs, data)) {
    if (name.startsWith(`repo.git${UNFINISHED}`)) fs.rmSync(`${data}/${name}`, { recursive: true, force: true });
  }
}

/** Marks the folder of a repository that is not whole yet. */
const UNFINISHED = ".new-";

/** Makes everything below a folder durable: git does not do so for what it makes at first. */
function syncAll(fs: FileSystem, folder: string): void {
  for (const { name, isFolder } of listFolder(fs, folder)) {
    if (isFolder) syncAll(fs, `${folder}/${name}`);
    else syncPath(fs, `${folder}/${name}`);
  }
  syncPath(fs, folder);
}

async function checkTemplate(
  objects: readonly EncodedObject[],
  tree: Oid,
  rules: Rules,
  { schemas, commands }: TemplateChecks,
): Promise<void> {
  const known = new Map(objects.map((object) => [object.oid, object]));
  const { violations } = await checkWholeTree((oid) => known.get(oid) ?? null, tree, rules, schemas, commands);
  const [first] = violations;
  if (first === undefined) return;
  throw invalid(
    `${first.collection}/${first.id}`,
    `${first.pointer} ${first.message} (${violations.length} violations)`,
  );
}
