import fc from "fast-check";
import { onTestFinished, describe, expect, test, vi } from "vitest";
import type { Json } from "../../src/domain/json.ts";
import { encodeObject } from "../../src/git/objects.ts";
import { Validator } from "../../src/schema/validator.ts";
import { type CheckedHistory, checkHistory } from "../../src/store/check-history.ts";
import { RulesReader } from "../../src/store/rules.ts";
import { SchemaChecks } from "../../src/store/schema-checks.ts";
import { checkWholeTree } from "../../src/store/whole-tree.ts";
import { CONFIGURATION, SCHEMAS } from "../support/situations.ts";
import { at, type Edits, HandHistory } from "./hand-history.ts";

vi.setConfig({ testTimeout: 120_000 });

function checks(): SchemaChecks {
  const validator = new Validator();
  onTestFinished(() => validator.close());
  return new SchemaChecks(validator);
}

async function checked(history: HandHistory, schemas = checks()): Promise<CheckedHistory> {
  return checkHistory(history.read, history.tip, schemas, () => undefined);
}

const STUDY_SCHEMA = "schemas/study.schema.json";
const BEGIN: Edits = {
  "runtree.json": CONFIGURATION as unknown as Json,
  ...SCHEMAS,
  "README.md": "What this is\n",
  LICENSE: "Free\n",
  ".gitattributes": "* text=auto\n",
  [at("studies", "st1")]: { id: "st1", doi: "10/1" },
  [at("samples", "s1")]: { id: "s1", studies: ["st1"] },
};

function begun(): HandHistory {
  const history = new HandHistory();
  history.commit(BEGIN);
  return history;
}

/** The schema of studies with another type for titles. */
function studySchema(title: Json): Json {
  const schema = SCHEMAS[STUDY_SCHEMA] as { properties: Record<string, Json> };
  return { ...schema, properties: { ...schema.properties, title } } as Json;
}

describe("every commit of main", () => {
  test("that a gate could have made is valid, and counted", async () => {
    const history = begun();
    history.commit({ [at("studies", "st2")]: { id: "st2" }, [at("samples", "s2")]: { id: "s2", studies: ["st2"] } });
    history.commit({ [at("studies", "st1")]: { id: "st1", doi: "10/2", title: "One" } });
    history.commit({ [at("studies", "st3")]: { id: "st3", doi: "10/1" } });
    // What refers goes with what it refers to.
    history.commit({ [at("studies", "st2")]: null, [at("samples", "s2")]: null });
    history.commit({ [STUDY_SCHEMA]: studySchema({ type: ["string", "number"] }) });
    history.commit({ [at("studies", "st3")]: { id: "st3", doi: "10/1", title: 3 } });
    history.commit({ "README.md": "Another\n", ".gitattributes": "* -text\n" });
    history.commit({ "runs/2026/01-01/00/x.json": "whatever lies here is not looked at" });
    expect(await checked(history)).toEqual({ faults: [], commits: 9, documents: 3 });
  });

  const elsewhere = at("studies", "st9").replace(/\/..\//, "/zz/");
  test.each<[string, Edits, Edits, string, string]>([
    [
      "against its schema",
      { [at("studies", "st9")]: { id: "st9", title: 9 } },
      { [at("studies", "st9")]: null },
      "schema",
      "studies/st9 /title",
    ],
    [
      "that refers to nothing",
      { [at("samples", "s9")]: { id: "s9", studies: ["none"] } },
      { [at("samples", "s9")]: null },
      "reference_missing",
      "samples/s9 /studies/0",
    ],
    [
      "gone that others refer to",
      { [at("studies", "st1")]: null },
      { [at("studies", "st1")]: { id: "st1" } },
      "reference_in_use",
      "samples/s1 /studies/0",
    ],
    [
      "with a value that another has",
      { [at("studies", "st9")]: { id: "st9", doi: "10/1" } },
      { [at("studies", "st9")]: null },
      "duplicate",
      "studies/st9 /doi",
    ],
    [
      "with another id inside",
      { [at("studies", "st9")]: { id: "st8" } },
      { [at("studies", "st9")]: null },
      "id_mismatch",
      "studies/st9 /id",
    ],
    [
      "whose id another has but for case",
      { [at("studies", "ST1")]: { id: "ST1" } },
      { [at("studies", "ST1")]: null },
      "id_collision",
      "studies/ST1 /id",
    ],
    ["in another place", { [elsewhere]: { id: "st9" } }, { [elsewhere]: null }, "forbidden_path", "studies/st9 "],
    [
      "of no collection",
      { [at("others", "o")]: { id: "o" } },
      { [at("others", "o")]: null },
      "unknown_collection",
      "others/o ",
    ],
    [
      "that is no JSON",
      { [at("studies", "st1")]: "{" },
      { [at("studies", "st1")]: { id: "st1" } },
      "forbidden_path",
      `$config/${at("studies", "st1")} `,
    ],
    [
      "that is a list",
      { [at("studies", "st9")]: [] },
      { [at("studies", "st9")]: null },
      "forbidden_path",
      `$config/${at("studies", "st9")} `,
    ],
    [
      "that is no document at all",
      { "metadata/notes.txt": "x" },
      { "metadata/notes.txt": null },
      "forbidden_path",
      "$config/metadata/notes.txt ",
    ],
    ["that is a file at the root", { "run.sh": "rm" }, { "README.md": "x" }, "forbidden_path", "$config/run.sh "],
    ["that is a folder at the root", { "bin/run.sh": "rm" }, { "bin/run.sh": null }, "forbidden_path", "$config/bin "],
    [
      "that is no schema",
      { "schemas/notes.txt": "x" },
      { "schemas/notes.txt": null },
      "forbidden_path",
      "$config/schemas/notes.txt ",
    ],
    [
      "that changes the rules for others",
      { [STUDY_SCHEMA]: { type: "object", required: ["title"] } },
      { [STUDY_SCHEMA]: SCHEMAS[STUDY_SCHEMA] as Json },
      "schema",
      "studies/st1 /title",
    ],
    [
      "that makes a schema of no use",
      { [STUDY_SCHEMA]: { type: "nonsense" } },
      { [STUDY_SCHEMA]: SCHEMAS[STUDY_SCHEMA] as Json },
      "schema",
      `$config/${STUDY_SCHEMA} `,
    ],
    [
      "that makes a schema no JSON",
      { [STUDY_SCHEMA]: "{" },
      { [STUDY_SCHEMA]: SCHEMAS[STUDY_SCHEMA] as Json },
      "schema",
      "$config/runtree.json ",
    ],
    [
      "that makes runtree.json of no use",
      { "runtree.json": { format: "x" } },
      { "runtree.json": CONFIGURATION as unknown as Json },
      "schema",
      "$config/runtree.json ",
    ],
    [
      "that takes runtree.json away",
      { "runtree.json": null },
      { "runtree.json": CONFIGURATION as unknown as Json },
      "schema",
      "$config/runtree.json ",
    ],
  ])(
    "with a document %s is found, once and at that commit, though a later one mended it",
    async (_, bad, good, code, where) => {
      const history = begun();
      history.commit({ [at("studies", "st2")]: { id: "st2", title: "Two" } });
      const planted = history.commit(bad, "Run-Id: 01jabcdefghjkmnpqrstvwxyz0\n");
      history.commit({ [at("samples", "s3")]: { id: "s3", studies: ["st2"] } });
      history.commit(good);
      history.commit({ [at("samples", "s4")]: { id: "s4", parent: "s3" } });
      const { faults, commits } = await checked(history);
      expect(faults.map(({ code, commit, run_id }) => [code, commit, run_id])).toEqual([
        [code, planted, "01jabcdefghjkmnpqrstvwxyz0"],
      ]);
      const [fault] = faults;
      expect(`${fault?.collection}/${fault?.id} ${fault?.pointer}`).toBe(where);
      expect(commits).toBe(6);
    },
  );

  test("with a link or a program for a document is found", async () => {
    for (const mode of ["120000", "100755"]) {
      const history = begun();
      history.commit({ [at("studies", "st9")]: { id: "st9" } });
      const commit = history.changeMode(at("studies", "st9"), mode);
      expect((await checked(history)).faults).toMatchObject([{ code: "forbidden_path", commit }]);
    }
  });

  test("with a missing object ends the check there, and says so", async () => {
    const history = begun();
    history.commit({ [at("studies", "st9")]: { id: "st9" } });
    const { oid } = encodeObject("blob", '{\n  "id": "st9"\n}\n');
    expect(history.objects.delete(oid)).toBe(true);
    history.commit({ [at("studies", "st8")]: { id: "st8", title: 8 } });
    const { faults, commits } = await checked(history);
    expect([commits, faults]).toEqual([
      1,
      [expect.objectContaining({ code: "corrupt_object", commit: history.commits[1] })],
    ]);
    expect(faults[0]?.message).toContain(oid);
  });

  test("of a repository that is none of ours is refused", async () => {
    const history = new HandHistory();
    history.commit({ "README.md": "Something else" });
    await expect(checked(history)).rejects.toMatchObject({ code: "repository_not_ours" });
  });

  test("is counted while it goes on", async () => {
    const history = begun();
    for (let title = 0; title < 3; title++)
      history.commit({ [at("studies", "st1")]: { id: "st1", title: `${title}` } });
    const told: unknown[] = [];
    await checkHistory(history.read, history.tip, checks(), (...step) => void told.push(step));
    expect(told).toEqual([0, 1, 2, 3, 4].map((done) => ["commits of main", done, 4]));
  });
});

/** A commit that may or may not be valid: what becomes of a few documents. */
const STEP = fc.dictionary(
  fc.constantFrom("st0", "st1", "ST1", "s0", "s1", "s2"),
  fc.option(fc.record({ doi: fc.constantFrom(null, "1", "2"), to: fc.constantFrom(null, "st0", "st1", "s0", "s9") })),
  { minKeys: 1, maxKeys: 2, noNullPrototype: true },
);

function editsOf(step: Readonly<Record<string, { doi: string | null; to: string | null } | null>>): Edits {
  const entries = Object.entries(step).map(([id, made]): [string, Json | null] => {
    const isStudy = id.toLowerCase().startsWith("st");
    if (made === null) return [at(isStudy ? "studies" : "samples", id), null];
    const { doi, to } = made;
    if (isStudy) return [at("studies", id), { id, ...(doi === null ? {} : { doi }) }];
    const link: Json = to === null ? {} : to.startsWith("st") ? { studies: [to] } : { parent: to };
    return [at("samples", id), { id, ...link }];
  });
  return Object.fromEntries(entries);
}

test("a commit behind a valid one has a fault exactly when its whole tree has one", async () => {
  const schemas = checks();
  let [valid, faulty] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { minLength: 1, maxLength: 12 }), async (steps) => {
      const history = begun();
      for (const step of steps) history.commit(editsOf(step));
      const { faults } = await checked(history, schemas);
      const found = new Set(faults.map(({ commit }) => commit));
      let wasClean = true;
      for (const [place, commit] of history.commits.entries()) {
        const tree = history.trees[place] ?? "";
        const rules = new RulesReader(history.read).rulesOf(tree);
        const whole = await checkWholeTree(history.read, tree, rules, schemas, null);
        const isClean = whole.violations.length === 0;
        if (wasClean) expect([place, found.has(commit)]).toEqual([place, !isClean]);
        if (wasClean && isClean) valid++;
        else if (wasClean) faulty++;
        wasClean = isClean;
      }
    }),
    { numRuns: Number(process.env["RUNTREE_PROPERTY_RUNS"] ?? 1000) / 5 },
  );
  expect([valid > 200, faulty > 50]).toEqual([true, true]);
});
