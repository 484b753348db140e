import { expect, test } from "vitest";
import { canonicalJson } from "../../src/domain/json.ts";
import { documentPath, MAIN } from "../../src/domain/layout.ts";
import { readCommit } from "../../src/git/commit.ts";
import { BareRepository } from "../../src/git/bare-repository.ts";
import type { FileSystem } from "../../src/git/files.ts";
import { writeLoose } from "../../src/git/loose.ts";
import { encodeObject } from "../../src/git/objects.ts";
import { moveRefs } from "../../src/git/refs.ts";
import { readerWith, type Repository } from "../../src/git/repository.ts";
import { editTree } from "../../src/git/tree-edit.ts";
import { authoredCommit } from "../../src/store/authorship.ts";
import { GIT_DIR, NOW } from "../support/faulty-store.ts";
import { failuresAt, powerCuts, sampleOf } from "./points.ts";
import { SCENARIOS } from "./scenarios.ts";
import { type Plant, playThrough, type Point, type Reference, tryPoint } from "./trial.ts";

const SCENARIO = SCENARIOS.find(({ name }) => name === "submit and finish at once") ?? SCENARIOS[0];

/** A scenario that nothing interrupts. */
const UNDISTURBED: Point = { fault: { at: Infinity, kind: "cut" }, cut: null, again: null, fsck: false };

async function reference(): Promise<Reference> {
  if (SCENARIO === undefined) throw new Error("there is no scenario");
  return playThrough(SCENARIO);
}

/** A repository that writes groups in another way. */
function writingBy(repository: Repository, apply: Repository["apply"]): Repository {
  return {
    read: (oid) => repository.read(oid),
    ref: (name) => repository.ref(name),
    refs: (prefix) => repository.refs(prefix),
    apply,
    settle: () => repository.settle(),
    close: () => repository.close(),
  };
}

/** Writes refs before the objects that they need. */
function refsFirst(repository: Repository): Repository {
  return writingBy(repository, async ({ objects, refs }) => {
    await repository.apply({ objects: [], refs });
    await repository.apply({ objects, refs: [] });
  });
}

/** Moves `main` from wherever it is on the disk: what the repository itself saw may be a moment old. */
function fromAnywhere(repository: Repository, fs: FileSystem): Repository {
  const onDisk = new BareRepository(fs, GIT_DIR);
  return writingBy(repository, async ({ objects, refs }) =>
    repository.apply({
      objects,
      refs: refs.map(({ ref, from, to }) => ({ ref, from: ref === MAIN ? onDisk.ref(MAIN) : from, to })),
    }),
  );
}

const STRANGE = documentPath("studies", "stranger", 1);

/** Adds a document to `main` as something else would that keeps to git's locks. */
async function addToMain(fs: FileSystem): Promise<void> {
  const repository = new BareRepository(fs, GIT_DIR);
  const read = readerWith(repository);
  const from = repository.ref(MAIN) ?? "";
  const blob = encodeObject("blob", canonicalJson({ id: "stranger" }));
  const { root, objects } = editTree(read, readCommit(read, from).tree, new Map([[STRANGE, blob.oid]]));
  const author = { principal: "stranger", idempotency: null };
  const commit = authoredCommit(
    read,
    { author, node: "elsewhere", now: NOW },
    { subject: "Add a stranger", trailers: [], tree: root ?? "", parents: [from] },
  );
  await writeLoose(fs, `${GIT_DIR}/objects`, [blob, ...objects, commit]);
  await moveRefs(fs, GIT_DIR, [{ ref: MAIN, from, to: commit.oid }]);
  await repository.close();
}

/** A stranger moves `main` at the last moment before the first merge. */
function withStranger(repository: Repository, fs: FileSystem): Repository {
  let came = false;
  return writingBy(repository, async (group) => {
    if (!came && group.refs.some(({ ref }) => ref === MAIN)) {
      came = true;
      await addToMain(fs);
    }
    await repository.apply(group);
  });
}

test.each<[string, Plant]>([
  ["a disk that does not sync files", { lie: "files" }],
  ["a disk that does not sync folders", { lie: "folders" }],
  ["refs that are moved before their objects are written", { through: refsFirst }],
])("the oracle objects to %s", async (_, plant) => {
  const whole = await reference();
  const points = sampleOf(powerCuts(whole), 200).map((point) => ({ ...point, again: null, fsck: false }));
  const [failure] = await failuresAt(whole, points, plant, 1);
  expect(failure).toBeDefined();
  expect(await tryPoint(whole, failure?.point ?? UNDISTURBED)).toEqual([]);
});

test("a stranger on main is merged with; the oracle objects to moves that do not look where the ref is", async () => {
  const { scenario } = await reference();
  const whole = await playThrough({ ...scenario, through: withStranger });
  expect(whole.answers).toEqual([[{ status: 200, run: "success" }]]);
  expect(whole.states.map((state) => state.has(`main ${STRANGE}`))).toEqual([false, true]);
  expect(await tryPoint(whole, UNDISTURBED)).toEqual([]);
  const blind: Plant = { through: (repository, fs) => withStranger(fromAnywhere(repository, fs), fs) };
  expect(await tryPoint(whole, UNDISTURBED, blind)).toContainEqual(expect.stringContaining(STRANGE));
});
