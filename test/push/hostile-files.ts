import { artifactFolder, documentPath } from "../../src/domain/layout.ts";
import type { Entry } from "../support/crafted.ts";
import { newRun } from "../support/crafted.ts";
import { type Ground, runBringing, runWith, type Situation, study } from "./ground.ts";

const FORBIDDEN =
  /^remote: (runtree: refused: )?forbidden_path.*(: a run may not change | is not this document's place)/im;
/** git looks at what is sent before it asks anybody. */
const FSCK = /^remote: (error|fatal): .*(object [0-9a-f]{40}|fsck)/m;
const MODE = /^remote: .*\S+ has mode \d+; a run brings plain files/m;

const linkTo =
  (target: string): ((ground: Ground) => Entry) =>
  ({ clone }) => ({
    mode: "120000",
    oid: clone.put("blob", target),
  });
const brings = (name: string, path: string, told = FORBIDDEN): Situation => ({
  name,
  made: (ground) => runBringing(ground, { [path]: "x\n" }),
  told,
});
const changes = (name: string, path: string, told = FORBIDDEN): Situation => ({
  name,
  made: (ground) => runWith(ground, { [path]: "x\n" }),
  told,
});
const document = (id: string): string => documentPath("study_set", id, 1);

/** Entries that are no plain files. */
export const KINDS: readonly Situation[] = [
  {
    name: "a symbolic link among what a run brings along",
    made: (ground) => runBringing(ground, { link: linkTo("/etc/passwd")(ground) }),
    told: MODE,
  },
  {
    name: "a symbolic link in the place of a document",
    made: (ground) => runWith(ground, { [document("s-link")]: linkTo("../../../run.json")(ground) }),
    told: MODE,
  },
  {
    name: "a symbolic link for run.json",
    made: (ground) => runWith(ground, { "run.json": linkTo(`runs/${ground.merged.run}.json`)(ground) }),
    told: MODE,
  },
  {
    name: "a folder of documents that is a symbolic link",
    made: (ground) => runWith(ground, { "metadata/study_set": linkTo("../artifacts")(ground) }),
    told: MODE,
  },
  {
    name: "a submodule",
    made: (ground) => runBringing(ground, { module: { mode: "160000", oid: "1".repeat(40) } }),
    told: MODE,
  },
  {
    name: "a program",
    made: (ground) =>
      runBringing(ground, { "run.sh": { mode: "100755", oid: ground.clone.put("blob", "#!/bin/sh\n") } }),
    told: MODE,
  },
  {
    name: "a file that its group may write",
    made: (ground) => runBringing(ground, { "a.txt": { mode: "100664", oid: ground.clone.put("blob", "x\n") } }),
    told: /^remote: (error|fatal): .*badFilemode/m,
  },
  {
    name: "a file where main has a folder",
    made: (ground) => runWith(ground, { metadata: "x\n" }),
    told: FORBIDDEN,
  },
  {
    name: "a folder where a document would be",
    made: (ground) => runWith(ground, { [`${document("s-folder")}/x.json`]: "{}\n" }),
    told: FORBIDDEN,
  },
  {
    name: "a folder for run.json",
    made: (ground) => runWith(ground, { "run.json": null, "run.json/run.json": "{}\n" }),
    told: FORBIDDEN,
  },
];

/** Names that mean more to git, a shell or a file system than to whoever reads them. */
export const NAMES: readonly Situation[] = [
  brings(".git deep among what a run brings along", "a/b/.git/config", FSCK),
  brings(".GIT", "a/.GIT/config", FSCK),
  brings("git~1, its name on Windows", "git~1/config", FSCK),
  brings(".git with a character that file systems leave out", "a/.g\u200cit/config", FSCK),
  brings("gitmod~1, the name of .gitmodules on Windows", "a/gitmod~1"),
  brings(".gitignore with a character that file systems leave out", "a/\u200c.gitignore"),
  brings(".gitmodules among what a run brings along", "a/.gitmodules"),
  brings(".gitattributes in a folder", "a/.gitattributes"),
  changes(".gitmodules", ".gitmodules"),
  changes(".GITMODULES", ".GITMODULES"),
  changes(".git", ".git/hooks/pre-receive", FSCK),
  changes(
    "a dotfile that main does not have",
    ".bashrc",
    /^remote: (forbidden_path \$config\/\.bashrc |runtree: refused: \.bashrc is changed by stewards)/m,
  ),
  brings("..", "../../x", FSCK),
  brings(".", "./x", FSCK),
  brings("a backslash", "a\\b"),
  brings("two dots behind a backslash", "a\\..\\b"),
  brings("a quote", 'a"b'),
  brings("a newline", "a\nb"),
  brings("a newline before a line of raw output", "a\n:000000 100644 0000000 1111111 A\trun.json"),
  brings("a tab", "a\tb"),
  brings("a bell", "a\u0007b"),
  brings("an escape of a terminal", "a\u001b[2Jb"),
  brings("a byte that deletes", "a\u007fb"),
  brings("a byte that is no UTF-8", "a\udcffb"),
  brings("an overlong slash", "a\udcc0\udcafb"),
  brings("a control character of Unicode", "a\u0085b"),
  brings("a trailing dot", "a."),
  brings("a folder with a trailing dot", "a./b"),
  brings("a trailing space", "a "),
  brings("CON", "CON"),
  brings("nul.txt", "nul.txt"),
  brings("Com1 for a folder", "Com1/x"),
  brings("lpt9.tar.gz", "lpt9.tar.gz"),
  brings("a colon, which opens another stream on Windows", "a:b"),
  brings("a star", "a*b"),
  brings("ten folders", "a/b/c/d/e/f/g/h/i/j"),
  brings("a name of 300 bytes", "n".repeat(300)),
  {
    name: "a tree entry with a slash in its name",
    made: (ground) => {
      const { clone } = ground;
      const run = newRun();
      const blob = { mode: "100644", oid: clone.put("blob", "{}\n") };
      const tree = clone.tree([
        ["run.json", blob],
        ["metadata/study_set/x.json", blob],
      ]);
      return [`${clone.commitTree(tree, [clone.main])}:refs/heads/runs/${run}`];
    },
    told: FSCK,
  },
  {
    name: "one name twice in a folder",
    made: (ground) => {
      const { clone } = ground;
      const blob = { mode: "100644", oid: clone.put("blob", "{}\n") };
      const tree = clone.tree([
        ["run.json", blob],
        ["run.json", { ...blob, oid: clone.put("blob", "[]\n") }],
      ]);
      return [`${clone.commitTree(tree, [clone.main])}:refs/heads/runs/${newRun()}`];
    },
    told: FSCK,
  },
];

const COLLIDES =
  /^remote: (id_collision .* differ only in case or normal form|runtree: refused: .* differ only in case)/m;

/** Names that some file systems cannot tell apart. `S-Merged`, `s-été` and so on are there already. */
export const COLLISIONS: readonly Situation[] = [
  {
    name: "two documents whose ids differ in case",
    made: (ground) => runWith(ground, { ...study("s-Twin"), ...study("s-twiN") }),
    told: COLLIDES,
  },
  {
    name: "a document whose id differs in case from one that is there",
    made: (ground) => runWith(ground, study("s-mErGeD")),
    told: COLLIDES,
    unserved: "rejected",
  },
  {
    name: "two documents whose ids differ in normal form",
    made: (ground) => runWith(ground, { ...study("n-\u00e9"), ...study("n-e\u0301") }),
    told: COLLIDES,
    unserved: "rejected",
  },
  {
    name: "a document whose id differs in normal form from one that is there",
    made: (ground) => runWith(ground, study("s-e\u0301te\u0301")),
    told: COLLIDES,
    unserved: "rejected",
  },
  {
    name: "two files brought along whose names differ in case",
    made: (ground) => runBringing(ground, { "a/Readme": "x\n", "a/README": "y\n" }),
    told: COLLIDES,
  },
  {
    name: "two folders brought along whose names differ in case",
    made: (ground) => runBringing(ground, { "Folder/a": "x\n", "folder/b": "y\n" }),
    told: COLLIDES,
  },
  {
    name: "two files brought along whose names differ in normal form",
    made: (ground) => runBringing(ground, { "caf\u00e9": "x\n", "cafe\u0301": "y\n" }),
    told: COLLIDES,
    unserved: "rejected",
  },
  {
    name: "a folder of artifacts beside main's own that differs in case",
    made: (ground) => runWith(ground, { "Artifacts/x": "x\n" }),
    told: FORBIDDEN,
  },
];

/** Places that are somebody else's. */
export const PLACES: readonly Situation[] = [
  changes("a record below runs/", "runs/2026/01-01/00/01k00000000000000000000000.json"),
  {
    name: "the record of a merged run",
    made: (ground) =>
      runWith(ground, { [ground.merged.artifact.replace(/^artifacts(.*)\/.*$/, "runs$1.json")]: "{}\n" }),
    told: FORBIDDEN,
  },
  {
    name: "the whole folder of records taken away",
    made: (ground) => runWith(ground, { runs: null }),
    told: FORBIDDEN,
  },
  {
    name: "what another run brought along, changed",
    made: (ground) => runWith(ground, { [ground.merged.artifact]: "mine now\n" }),
    told: /^remote: (forbidden_path|runtree: refused: forbidden_path)/m,
    unserved: "rejected",
  },
  {
    name: "what another run brought along, taken away",
    made: (ground) => runWith(ground, { [ground.merged.artifact]: null }),
    told: /^remote: (forbidden_path|runtree: refused: forbidden_path)/m,
    unserved: "rejected",
  },
  {
    name: "a file in the folder of a run that is to come",
    made: (ground) => runWith(ground, { [`${artifactFolder(newRun())}x`]: "x\n" }),
    told: /^remote: (forbidden_path|runtree: refused: forbidden_path)/m,
    unserved: "rejected",
  },
  changes("a file at the root", "package.json"),
  changes("a program's configuration", "Makefile"),
  changes("a schema that is no schema file", "schemas/study.json"),
  changes("a schema in a folder", "schemas/a/study.schema.json"),
  changes("a document that is no JSON file", "metadata/study_set/ab/x.txt"),
  changes("a document three folders deep", "metadata/study_set/ab/cd/ef/x.json"),
  changes("a collection in upper case", "metadata/Study_Set/ab/x.json"),
  {
    ...changes(
      "a document in another's folder",
      `metadata/study_set/00/s-elsewhere.json`,
      /^remote: \S+ \S*s-elsewhere/m,
    ),
    unserved: "rejected",
  },
  {
    ...changes(
      "an id with an escape that is not needed",
      `metadata/study_set/ab/%61.json`,
      /^remote: forbidden_path /m,
    ),
    unserved: "rejected",
  },
  {
    name: "a schema, by an agent",
    made: (ground) => runWith(ground, { "schemas/study.schema.json": "{}\n" }),
    told: /^remote: runtree: refused: (forbidden: )?schemas\/study\.schema\.json is changed by stewards only/m,
  },
  {
    name: "a new schema, by an agent",
    made: (ground) => runWith(ground, { "schemas/mine.schema.json": "{}\n" }),
    told: /^remote: runtree: refused: .*schemas\/mine\.schema\.json is changed by stewards only/m,
  },
  {
    name: "runtree.json, by an agent",
    made: (ground) => runWith(ground, { "runtree.json": '{"format":1,"collections":{}}\n' }),
    told: /^remote: runtree: refused: .*runtree\.json is changed by stewards only/m,
  },
  {
    name: "a schema taken away, by an agent",
    made: (ground) => runWith(ground, { "schemas/dataset.schema.json": null }),
    told: /^remote: runtree: refused: .*schemas\/dataset\.schema\.json is changed by stewards only/m,
  },
];
