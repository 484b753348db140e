import type { Json } from "./json.ts";
import type { MergePolicy, PolicyAt } from "./merge.ts";
import { matchesPattern, type Path } from "./pointer.ts";

/** The format version of the repository that this program writes and reads. */
export const FORMAT = 1;

/** Folder levels of a collection that does not say. */
export const DEFAULT_SHARDS = 1;

/** `runtree.json` as it is stored (`schemas/runtree-configuration.schema.json`). */
export interface Configuration {
  readonly format: number;
  readonly collections: Readonly<Record<string, CollectionSettings>>;
  readonly references?: readonly ReferenceSettings[];
  readonly checks?: readonly CheckSettings[];
}

export interface CollectionSettings {
  /** A schema file and a JSON Pointer into it. */
  readonly schema?: string;
  readonly shards?: 0 | 1 | 2;
  /** JSON Pointer pattern → how the value there merges. */
  readonly merge?: Readonly<Record<string, MergePolicy>>;
}

export interface ReferenceSettings {
  readonly from: string;
  readonly at: string;
  readonly to: readonly string[];
}

/** A command of the operator's configuration that judges documents of some collections. */
export interface CheckSettings {
  readonly name: string;
  readonly collections: readonly string[];
  readonly command: string;
}

/** A rule that values at a pattern are ids of documents in any of these collections. */
export interface ReferenceRule {
  readonly at: Path;
  readonly to: readonly string[];
}

/** A check that concerns a collection, and its place in the list of `runtree.json`. */
export interface CheckRule {
  readonly name: string;
  readonly command: string;
  readonly at: number;
}

/** Everything that rules one collection, from `runtree.json` and from the annotations in its schema. */
export interface CollectionRules {
  readonly name: string;
  readonly shards: number;
  /** As in `runtree.json`; null when the collection has no schema. */
  readonly schema: string | null;
  readonly references: readonly ReferenceRule[];
  readonly unique: readonly Path[];
  readonly policies: readonly { readonly at: Path; readonly policy: MergePolicy }[];
  readonly checks: readonly CheckRule[];
}

/** Looks merge policies up by path; the first that matches holds. */
export function policyLookup(policies: CollectionRules["policies"]): PolicyAt {
  if (policies.length === 0) return () => undefined;
  return (path) => policies.find(({ at }) => matchesPattern(path, at))?.policy;
}

/** No policy anywhere: for configuration files. */
export const noPolicy: PolicyAt = () => undefined;

/** The text that stands for a scalar in the uniqueness index; null for values that uniqueness does not concern. */
export function uniqueText(value: Json): string | null {
  return value === null || typeof value === "object" ? null : JSON.stringify(value);
}
