import { describe, expect, test } from "vitest";
import {
  artifactFolder,
  documentAt,
  documentPath,
  pathKind,
  runRecordPath,
  runRef,
  schemaPath,
} from "../../src/domain/layout.ts";

/** A run id of 2016-07-30, 23 hours UTC, and another of the same hour. */
const RUN = "01arz3ndektsv4rrffq69g5fav";
const OTHER_RUN = "01arz3ndektsv4rrffq69g5faw";

describe("the places of a run", () => {
  test("carry its id and the date inside it", () => {
    expect(runRef(RUN)).toBe(`refs/heads/runs/${RUN}`);
    expect(runRecordPath(RUN)).toBe(`runs/2016/07-30/23/${RUN}.json`);
    expect(artifactFolder(RUN)).toBe(`artifacts/2016/07-30/23/${RUN}/`);
  });
});

describe("the place of a document", () => {
  // The digits are those of `printf %s nmdc:bsm-11-a | sha1sum`.
  test.each([
    [0, "metadata/biosample_set/nmdc%3Absm-11-a.json"],
    [1, "metadata/biosample_set/12/nmdc%3Absm-11-a.json"],
    [2, "metadata/biosample_set/12/0f/nmdc%3Absm-11-a.json"],
  ])("has %i levels of folders as its collection says", (shards, path) => {
    expect(documentPath("biosample_set", "nmdc:bsm-11-a", shards)).toBe(path);
    expect(documentAt(path)).toEqual({ collection: "biosample_set", id: "nmdc:bsm-11-a" });
  });

  test.each(["s-1", ".hidden", "con", "a/b", "Ärger", "😀", "%41", "x.json", "-", "a.b.c"])(
    "%j is read back from it",
    (id) => {
      for (const shards of [0, 1, 2]) {
        expect(documentAt(documentPath("samples", id, shards))).toEqual({ collection: "samples", id });
      }
    },
  );

  test.each([
    "metadata/samples/ab/s-1.txt",
    "metadata/samples/ab/s-1.JSON",
    "metadata/samples/ab/.json",
    "metadata/samples/ab/s-1..json",
    "metadata/samples/ab/s-1.lock.json",
    "metadata/samples/ab/con.json",
    "metadata/samples/ab/.hidden.json",
    "metadata/samples/ab/a b.json",
    "metadata/samples/ab/a%3ab.json",
    "metadata/samples/ab/%61.json",
    "metadata/samples/ab/%FF.json",
    "metadata/samples/ab/é.json",
    `metadata/samples/ab/${"a".repeat(161)}.json`,
    "metadata/Samples/ab/s-1.json",
    "metadata/1samples/ab/s-1.json",
    "metadata/$config/ab/s-1.json",
    `metadata/${"s".repeat(65)}/ab/s-1.json`,
    "metadata//ab/s-1.json",
    "metadata/s-1.json",
    "metadata/samples",
    "data/samples/ab/s-1.json",
    "/metadata/samples/ab/s-1.json",
    "",
  ])("%j is no document's", (path) => {
    expect(documentAt(path)).toBeNull();
  });
});

describe("what a run may do at a path", () => {
  const dotfiles = new Set([".gitattributes"]);
  const kind = (path: string): string | null => pathKind(path, RUN, dotfiles);

  test.each([
    ["run.json", "record"],
    ["runtree.json", "configuration"],
    [schemaPath("nmdc"), "schema"],
    ["schemas/My-Schema_1.2.schema.json", "schema"],
    [documentPath("samples", "s-1", 1), "document"],
    ["README.md", "file"],
    [".gitattributes", "file"],
    [`${artifactFolder(RUN)}model/model.json`, "file"],
  ])("%s is a %s", (path, expected) => {
    expect(kind(path)).toBe(expected);
  });

  test.each([
    `${artifactFolder(OTHER_RUN)}model.json`,
    artifactFolder(RUN).slice(0, -1),
    `artifacts/2016/07-30/22/${RUN}/model.json`,
    `artifacts/${RUN}/model.json`,
    runRecordPath(RUN),
    runRecordPath(OTHER_RUN),
    "jobs/2016/07-30/23/j-1.json",
    "schemas/nmdc.json",
    "schemas/.hidden.schema.json",
    "schemas/deep/nmdc.schema.json",
    "schemas/.schema.json",
    "schemas/a b.schema.json",
    "metadata/samples/ab/notes.txt",
    "metadata/Samples/ab/s-1.json",
    ".github/workflows/run.yml",
    ".gitignore",
    ".gitmodules",
    "docs/.gitattributes",
    "readme.md",
    "docs/README.md",
    "run.json/x",
    "RUN.JSON",
    "",
  ])("%j is not for it", (path) => {
    expect(kind(path)).toBeNull();
  });
});
