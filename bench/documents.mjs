// The documents and schemas that every repository of the bench holds: about 30 members and 1 KiB each, always the same.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** @typedef {{ readonly collection: string, readonly id: string }} Name */

const DRAFT = "https://json-schema.org/draft/2020-12/schema";
const text = { type: "string", minLength: 1 };
const quantity = {
  type: "object",
  required: ["value", "unit"],
  additionalProperties: false,
  properties: { value: { type: "number" }, unit: { enum: ["m", "Cel", "mg/L", "mL"] } },
  "x-merge": "atomic",
};

const ECOSYSTEMS = ["lake sediment", "forest soil", "hot spring", "sea water", "permafrost"];
const STATES = ["planned", "collected", "sequenced", "published"];
const INSTRUMENTS = ["nextseq", "novaseq", "promethion", "sequel"];

const STUDY = {
  $schema: DRAFT,
  type: "object",
  required: ["id", "title"],
  additionalProperties: false,
  properties: { id: text, title: text, description: text, notes: { type: "string" } },
};

/** The schema of samples. */
export const SAMPLE = {
  $schema: DRAFT,
  type: "object",
  required: ["id", "name", "associated_studies", "state"],
  additionalProperties: false,
  properties: {
    id: text,
    name: text,
    description: text,
    notes: { type: "string" },
    associated_studies: { type: "array", minItems: 1, uniqueItems: true, items: { ...text, "x-ref": "study_set" } },
    accession: { type: "string", pattern: "^SAMN[0-9]{8,}$", "x-unique": true },
    state: { enum: STATES },
    ecosystem: { enum: ECOSYSTEMS },
    country: { type: "string", pattern: "^[A-Z]{2}$" },
    collection_date: { type: "string", format: "date" },
    received_at: { type: "string", format: "date-time" },
    released_at: { type: "string", format: "date-time" },
    contact: {
      type: "object",
      required: ["name"],
      additionalProperties: false,
      properties: {
        name: text,
        email: { type: "string", format: "email" },
        orcid: { type: "string", pattern: "^[0-9]{4}(-[0-9]{4}){2}-[0-9]{3}[0-9X]$" },
      },
    },
    site: {
      type: "object",
      required: ["latitude", "longitude"],
      additionalProperties: false,
      properties: {
        latitude: { type: "number", minimum: -90, maximum: 90 },
        longitude: { type: "number", minimum: -180, maximum: 180 },
      },
      "x-merge": "atomic",
    },
    depth: { $ref: "#/$defs/quantity" },
    temperature: { $ref: "#/$defs/quantity" },
    salinity: { $ref: "#/$defs/quantity" },
    volume: { $ref: "#/$defs/quantity" },
    ph: { type: "number", minimum: 0, maximum: 14 },
    elevation: { type: "integer", minimum: -11_000, maximum: 9000 },
    replicate: { type: "integer", minimum: 1 },
    processed: { type: "boolean" },
    instrument: { enum: INSTRUMENTS },
    reads: { type: "integer", minimum: 0 },
    checksum: { type: "string", pattern: "^[0-9a-f]{32}$" },
    data: { type: "string", format: "uri" },
    lot: { type: "string", pattern: "^L-[0-9]{4}-[A-Z]$" },
    protocol: text,
    keywords: { type: "array", uniqueItems: true, items: text, "x-merge": "set" },
    container: { type: ["string", "null"] },
  },
  $defs: { quantity },
};

/** Makes numbers from 0 up to a limit that look random and are the same for the same seed (mulberry32). */
function generator(seed) {
  let state = (seed + 1) * 0x9e3779b1;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

const digits = (value, length) => String(value).padStart(length, "0");

/** The names of the collections of a repository with so many documents: studies, and samples in nine (49 from a million). */
export function collectionNames(documents) {
  const samples = documents >= 1_000_000 ? 49 : 9;
  return ["study_set", ...Array.from({ length: samples }, (_, index) => `sample_set_${digits(index + 1, 2)}`)];
}

/** How many of a repository's documents are studies. */
function studyCount(documents) {
  return Math.max(10, Math.floor(documents / 100));
}

/** The name of document `index` of a repository with so many documents. @returns {Name} */
export function nameOf(index, documents) {
  if (index < studyCount(documents)) return { collection: "study_set", id: `study-${digits(index, 7)}` };
  const names = collectionNames(documents);
  return { collection: names[1 + (index % (names.length - 1))] ?? "", id: `sample-${digits(index, 7)}` };
}

/** The name of a sample, the same for the same number; samples are what the bench changes and reads. @returns {Name} */
export function sampleName(number, documents) {
  const studies = studyCount(documents);
  return nameOf(studies + ((number * 7919) % (documents - studies)), documents);
}

/** Document `index` as it stands at first. */
export function documentOf(index, documents) {
  const { id, collection } = nameOf(index, documents);
  if (collection === "study_set")
    return { id, title: `Study ${index}`, description: `Everything about ${id}.`.repeat(30) };
  return sample(id, index, `study-${digits(index % studyCount(documents), 7)}`);
}

/** A sample that satisfies its schema; `seed` decides its values and its accession. */
export function sample(id, seed, study) {
  const random = generator(seed);
  const hex = (length) => Array.from({ length }, () => random(16).toString(16)).join("");
  const moment = () => `2025-${digits(1 + random(12), 2)}-${digits(1 + random(28), 2)}`;
  const time = () => `${moment()}T${digits(random(24), 2)}:${digits(random(60), 2)}:00Z`;
  const measured = (unit) => ({ value: random(10_000) / 100, unit });
  return {
    id,
    name: `Core ${seed}`,
    description: `Core ${hex(8)} from the ${random(40)}th transect, kept at -80 degrees in rack ${random(90)}.`,
    notes: "as collected",
    associated_studies: [study],
    accession: `SAMN${digits(seed, 8)}`,
    state: STATES[random(STATES.length)],
    ecosystem: ECOSYSTEMS[random(ECOSYSTEMS.length)],
    country: "CH",
    collection_date: moment(),
    received_at: time(),
    released_at: time(),
    contact: {
      name: "A. Person",
      email: `person${random(500)}@example.org`,
      orcid: `0000-0002-${digits(random(10_000), 4)}-123X`,
    },
    site: { latitude: random(18_000) / 100 - 90, longitude: random(36_000) / 100 - 180 },
    depth: measured("m"),
    temperature: measured("Cel"),
    salinity: measured("mg/L"),
    volume: measured("mL"),
    ph: random(1400) / 100,
    elevation: random(4000),
    replicate: 1 + random(4),
    processed: random(2) === 1,
    instrument: INSTRUMENTS[random(INSTRUMENTS.length)],
    reads: random(100_000_000),
    checksum: hex(32),
    data: `https://data.example.org/${hex(12)}`,
    lot: `L-${digits(random(10_000), 4)}-A`,
    protocol: `protocol ${random(20)}`,
    keywords: ["core", "lake", `transect ${random(40)}`],
    container: null,
  };
}

/** The id of a study that every repository has. */
export const FIRST_STUDY = "study-0000000";

/** Writes the template folder of a repository with so many documents; the documents themselves come later. */
export function writeTemplate(folder, documents) {
  const collections = Object.fromEntries(
    collectionNames(documents).map((name) => [
      name,
      { schema: `schemas/${name === "study_set" ? "study" : "sample"}.schema.json`, shards: 1 },
    ]),
  );
  mkdirSync(join(folder, "schemas"), { recursive: true });
  writeFileSync(join(folder, "runtree.json"), JSON.stringify({ format: 1, collections }));
  writeFileSync(join(folder, "schemas", "study.schema.json"), JSON.stringify(STUDY));
  writeFileSync(join(folder, "schemas", "sample.schema.json"), JSON.stringify(SAMPLE));
}
