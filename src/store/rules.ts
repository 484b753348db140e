import {
  type CheckRule,
  type CollectionRules,
  type Configuration,
  DEFAULT_SHARDS,
  FORMAT,
  type ReferenceRule,
} from "../domain/configuration.ts";
import { RuntreeError } from "../domain/errors.ts";
import { CONFIG_COLLECTION, CONFIGURATION_FILE, SCHEMA_PATH } from "../domain/layout.ts";
import { byUnit, type Json } from "../domain/json.ts";
import { formatPointer, parsePointer } from "../domain/pointer.ts";
import type { Violation } from "../domain/verdict.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { readTree } from "../git/tree.ts";
import { annotatedPlaces, type Annotations, annotationsOf } from "../schema/annotations.ts";
import { type SchemaFile, schemaSource, type SchemaSource, sharedAddresses } from "../schema/closure.ts";
import { checkShape } from "../schema/shapes.ts";
import { blobAt, readJsonBlob, treeAt } from "./documents.ts";

/** The rules of one collection, with its schema ready to be compiled (null when it has none, or its file is missing). */
export interface RuledCollection extends CollectionRules {
  readonly source: SchemaSource | null;
  /** Every annotation of the schema was looked for. */
  readonly annotated: boolean;
  /** The parts of the schema that were looked at. */
  readonly reached: ReadonlySet<Json>;
}

/** Everything that a tree's `runtree.json` and schemas rule. */
export interface Rules {
  readonly configuration: Configuration;
  readonly collections: ReadonlyMap<string, RuledCollection>;
  readonly schemaFiles: readonly SchemaFile[];
}

/** A violation of `runtree.json`. */
export function configViolation(
  code: Violation["code"],
  pointer: string,
  message: string,
  file: string = CONFIGURATION_FILE,
): Violation {
  return { code, collection: CONFIG_COLLECTION, id: file, pointer, message };
}

/** The violation of a document that lies where it does not belong. */
export function misplaced(
  { collection, id }: { readonly collection: string; readonly id: string },
  path: string,
  place: string,
): Violation {
  const message = `${path} is not this document's place; it is ${place}.`;
  return { code: "forbidden_path", collection, id, pointer: "", message };
}

/** What is wrong with a `runtree.json`, shape and format; nothing when it can be used. */
export function configurationProblems(value: Json | undefined): Violation[] {
  const problems = checkShape("configuration#Configuration", value ?? null);
  if (problems.length > 0) {
    return problems.map(({ pointer, schema_pointer, message }) => ({
      ...configViolation("schema", pointer, message),
      schema_pointer,
    }));
  }
  const { format } = value as unknown as Configuration;
  return format === FORMAT
    ? []
    : [configViolation("schema", "/format", `The format is ${FORMAT} here, not ${format}.`)];
}

/** References in `runtree.json` to things that are not there: schema files, pointers into them, collections. */
export function danglingSettings({ configuration, collections, schemaFiles }: Rules): Violation[] {
  const violations: Violation[] = [];
  for (const { name, schema, source } of collections.values()) {
    if (schema === null) continue;
    const [file = "", fragment = ""] = schema.split("#");
    if (source !== null) continue;
    const words = schemaFiles.some(({ path }) => path === file)
      ? `${file} has nothing at ${fragment}.`
      : `There is no file ${file}.`;
    violations.push(configViolation("schema", `/collections/${name}/schema`, words));
  }
  for (const [file, other] of sharedAddresses(schemaFiles)) {
    violations.push(
      configViolation(
        "schema",
        "/$id",
        `${file} and ${other} have one address; which of them is meant would be chance.`,
        file,
      ),
    );
  }
  for (const { file, pointer } of unreachedAnnotations([...collections.values()])) {
    const words = `x-ref, x-unique or x-merge at ${pointer} is not found from any collection: it counts below properties, items and combinations only.`;
    violations.push(configViolation("schema", pointer, words, file));
  }
  for (const { name, source, annotated } of collections.values()) {
    if (annotated) continue;
    const file = source?.files[0]?.path ?? CONFIGURATION_FILE;
    violations.push(
      configViolation(
        "schema",
        "",
        `The schema of ${name} refers to itself in too many ways to find its annotations.`,
        file,
      ),
    );
  }
  for (const { pointer, name } of namedCollections(configuration)) {
    if (collections.has(name)) continue;
    violations.push(configViolation("unknown_collection", pointer, `There is no collection ${name}.`));
  }
  const names = (configuration.checks ?? []).map(({ name }) => name);
  for (const [at, name] of names.entries()) {
    if (names.indexOf(name) === at) continue;
    violations.push(configViolation("schema", `/checks/${at}/name`, `Another check is called ${name}.`));
  }
  return violations;
}

/** Where references and checks name collections. */
function namedCollections({ references = [], checks = [] }: Configuration): { pointer: string; name: string }[] {
  return [
    ...references.flatMap(({ from, to }, index) => [
      { pointer: `/references/${index}/from`, name: from },
      ...to.map((name, at) => ({ pointer: `/references/${index}/to/${at}`, name })),
    ]),
    ...checks.flatMap(({ collections }, index) =>
      collections.map((name, at) => ({ pointer: `/checks/${index}/collections/${at}`, name })),
    ),
  ];
}

/** Works out the rules of every collection from a configuration that has the right shape. */
export function makeRules(configuration: Configuration, files: readonly SchemaFile[]): Rules {
  // In one order, whatever brought them, so that the same files always make the same rules.
  const schemaFiles = [...files].sort((left, right) => byUnit(left.path, right.path));
  const collections = new Map<string, RuledCollection>();
  for (const [name, settings] of Object.entries(configuration.collections)) {
    const source = settings.schema === undefined ? null : schemaSource(schemaFiles, settings.schema);
    const stated = source === null ? NOTHING_STATED : annotationsOf(source);
    const references: ReferenceRule[] = (configuration.references ?? [])
      .filter(({ from }) => from === name)
      .map(({ at, to }) => ({ at: parsePointer(at) ?? [], to }));
    const policies = Object.entries(settings.merge ?? {}).map(([at, policy]) => ({
      at: parsePointer(at) ?? [],
      policy,
    }));
    const checks = (configuration.checks ?? []).flatMap((check, at): CheckRule[] =>
      check.collections.includes(name) ? [{ name: check.name, command: check.command, at }] : [],
    );
    collections.set(name, {
      name,
      checks,
      shards: settings.shards ?? DEFAULT_SHARDS,
      schema: settings.schema ?? null,
      source,
      references: [...references, ...stated.references],
      unique: stated.unique,
      policies: [...policies, ...stated.policies],
      annotated: stated.complete,
      reached: stated.reached,
    });
  }
  return { configuration, collections, schemaFiles };
}

const NOTHING_STATED: Annotations = { references: [], unique: [], policies: [], complete: true, reached: new Set() };

/** Annotations in the schemas of collections that none of them reaches. */
function unreachedAnnotations(collections: readonly RuledCollection[]): { file: string; pointer: string }[] {
  const reached = new Set(collections.flatMap((collection) => [...collection.reached]));
  const files = new Map(collections.flatMap(({ source }) => source?.files ?? []).map((file) => [file.path, file]));
  return [...files.values()].flatMap(({ path, value }) =>
    [...annotatedPlaces(value)].flatMap((place) =>
      reached.has(place.schema) ? [] : [{ file: path, pointer: formatPointer(place.at) }],
    ),
  );
}

/** The schema files of a tree. Throws `corrupt_object` when one is not JSON. */
function schemaFilesIn(read: ReadObject, folder: Oid | null): SchemaFile[] {
  return readTree(read, folder)
    .map(({ name, oid }) => ({ path: `schemas/${name}`, oid }))
    .filter(({ path }) => SCHEMA_PATH.test(path))
    .map(({ path, oid }) => ({ path, oid, value: readJsonBlob(read, oid) }));
}

/**
 * Reads the rules of a tree; the last few are remembered by the content they came from.
 * `rulesOf` throws `repository_not_ours` when there is no usable `runtree.json`.
 */
export class RulesReader {
  readonly #read: ReadObject;
  readonly #known = new Map<string, Rules>();

  constructor(read: ReadObject) {
    this.#read = read;
  }

  rulesOf(tree: Oid, read: ReadObject = this.#read): Rules {
    const configuration = blobAt(read, tree, CONFIGURATION_FILE);
    const schemas = treeAt(read, tree, "schemas");
    const key = `${configuration} ${schemas}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const value = configuration === null ? undefined : readJsonBlob(read, configuration);
    const [problem] = configurationProblems(value);
    if (problem !== undefined) {
      throw new RuntreeError(
        "repository_not_ours",
        `runtree.json cannot be used: ${problem.pointer} ${problem.message}`,
        { tree, problem },
      );
    }
    const rules = makeRules(value as unknown as Configuration, schemaFilesIn(read, schemas));
    this.#known.set(key, rules);
    const [oldest] = this.#known.keys();
    if (this.#known.size > REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
    return rules;
  }
}

/** How many sets of rules are remembered: those of `main` and of a few runs that change schemas. */
const REMEMBERED = 16;
