import type { Json, JsonObject } from "../../src/domain/json.ts";

/** Documents by collection and id; null removes one. */
export type Documents = Readonly<Record<string, Readonly<Record<string, JsonObject | null>>>>;

/** What a run does, what was there before it, and what others merge after it was begun. */
export interface Situation {
  readonly name: string;
  readonly before?: Documents;
  readonly meanwhile?: Documents;
  readonly change: Documents;
  /** The codes that the verdict lists, and the pointers of its conflicts; nothing of either where the run is merged. */
  readonly codes?: readonly string[];
  readonly conflicts?: readonly string[];
}

const sample = (more: JsonObject): Documents => ({ samples: { "@s": { id: "@s", ...more } } });
const list = (...items: Json[]): Json => items;

/**
 * What can become of a run, by the rules of `situations.ts` in the support. `@` begins the name of every document: each
 * door plays all of this beside the others, with a name of its own in its place.
 */
export const SITUATIONS: readonly Situation[] = [
  { name: "a new document", change: sample({ name: "one" }) },
  { name: "nothing", change: {} },
  {
    name: "many documents",
    change: {
      studies: Object.fromEntries(
        Array.from({ length: 40 }, (_, at) => [`@m${at}`, { id: `@m${at}`, title: `${at}` }]),
      ),
    },
  },
  { name: "a document of the wrong shape", change: sample({ depth: "deep", name: 5 }), codes: ["schema", "schema"] },
  { name: "a reference to nothing", change: sample({ studies: ["@none"] }), codes: ["reference_missing"] },
  {
    name: "a deletion of what is referred to",
    before: { studies: { "@t": { id: "@t" } }, ...sample({ studies: ["@t"] }) },
    change: { studies: { "@t": null } },
    codes: ["reference_in_use"],
  },
  {
    name: "a deletion of what a run meanwhile refers to",
    before: { studies: { "@t": { id: "@t" } } },
    meanwhile: sample({ studies: ["@t"] }),
    change: { studies: { "@t": null } },
    codes: ["reference_in_use"],
  },
  {
    name: "a value that must be unique",
    before: { studies: { "@t": { id: "@t", doi: "@doi" } } },
    change: { studies: { "@u": { id: "@u", doi: "@doi" } } },
    codes: ["duplicate"],
  },
  {
    name: "an id that differs in case only from one that came meanwhile",
    meanwhile: sample({}),
    change: { samples: { "@S": { id: "@S" } } },
    codes: ["id_collision"],
  },
  { name: "an id that is another inside", change: { samples: { "@s": { id: "@other" } } }, codes: ["id_mismatch"] },
  { name: "an unknown collection", change: { rocks: { "@r": { id: "@r" } } }, codes: ["unknown_collection"] },
  {
    name: "two fields of one document",
    before: sample({ name: "a", note: "b" }),
    meanwhile: sample({ name: "a2", note: "b" }),
    change: sample({ name: "a", note: "b2" }),
  },
  {
    name: "one field, changed twice",
    before: sample({ name: "a" }),
    meanwhile: sample({ name: "b" }),
    change: sample({ name: "c" }),
    conflicts: ["/name"],
  },
  {
    name: "one field, changed alike",
    before: sample({ name: "a" }),
    meanwhile: sample({ name: "b" }),
    change: sample({ name: "b" }),
  },
  {
    name: "a deletion of what was changed meanwhile",
    before: sample({ name: "a" }),
    meanwhile: sample({ name: "b" }),
    change: { samples: { "@s": null } },
    conflicts: [""],
  },
  {
    name: "a change of what was deleted meanwhile",
    before: sample({ name: "a" }),
    meanwhile: { samples: { "@s": null } },
    change: sample({ name: "b" }),
    conflicts: [""],
  },
  {
    name: "two documents under one id",
    meanwhile: sample({ name: "a" }),
    change: sample({ note: "b" }),
    conflicts: [""],
  },
  {
    name: "values and lists of every policy",
    before: sample({ size: { value: 1, unit: "m" }, tags: list("a"), parts: list({ key: "x" }) }),
    meanwhile: sample({ size: { value: 1, unit: "m" }, tags: list("a", "b"), parts: list({ key: "x" }, { key: "y" }) }),
    change: sample({ size: { value: 2, unit: "m" }, tags: list("c"), parts: list({ key: "x", more: 1 }) }),
  },
  {
    name: "one value of two members, and a list, changed on both sides",
    before: sample({ size: { value: 1, unit: "m" }, list: list(1) }),
    meanwhile: sample({ size: { value: 1, unit: "ft" }, list: list(1, 2) }),
    change: sample({ size: { value: 2, unit: "m" }, list: list(1, 3) }),
    conflicts: ["/list", "/size"],
  },
  {
    name: "a conflict and a violation",
    before: sample({ name: "a" }),
    meanwhile: sample({ name: "b" }),
    change: { ...sample({ name: "c", parent: "@none" }), studies: { "@t": { id: "@t", title: 5 } } },
    codes: ["reference_missing", "schema"],
    conflicts: ["/name"],
  },
];

/** Documents with a name of a door in the place of `@`. */
export function named<Value>(value: Value, door: string): Value {
  return JSON.parse(JSON.stringify(value).replaceAll("@", door)) as Value;
}
