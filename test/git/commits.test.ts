import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Commit,
  encodeCommit,
  formatMessage,
  parseCommit,
  readCommit,
  subjectOf,
  trailerOf,
} from "../../src/git/commit.ts";
import { EMPTY_TREE } from "../../src/git/tree.ts";
import { encodeObject, type EncodedObject } from "../../src/git/objects.ts";
import { fsck, git } from "../support/git.ts";
import { commitTree, emptyRepository, linesOf, openRepository, pipeGit, readerOf } from "./repositories.ts";

/** Text that wants to be more than one line: line ends of all kinds, control characters, brackets, trailers, dividers. */
const HOSTILE = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "\n",
        "\r\n",
        "\r",
        "\u2028",
        "\u0085",
        "\0",
        "\u001b[2J",
        "<",
        ">",
        "<a@b>",
        " ",
        "\t",
        "\u{1f9ec}",
        "é",
      ),
      fc.constantFrom(
        "\n\nRun-Id: forged",
        "\nIdempotency: forged forged",
        "Run-Id: forged",
        "---",
        "# note",
        "parent 0",
        "tree 0",
        "author x",
      ),
      fc.string({ unit: "grapheme", maxLength: 8 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(""));

/** A name or address as git takes it without tidying. */
const PLAIN_WORD = fc.stringMatching(/^[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ0-9_-]{0,20}$/);
const SECONDS = fc.integer({ min: 100_000_000, max: 4_000_000_000 });

function hostileCommit(values: { name: string; email: string; message: string; seconds: number }): Commit {
  const person = { name: values.name, email: values.email, seconds: values.seconds };
  return {
    tree: EMPTY_TREE,
    parents: [],
    author: person,
    committer: { ...person, seconds: values.seconds + 1 },
    message: formatMessage(values.message, [], []),
  };
}

/** Writes commits (and the empty tree) and points a ref at each, so that git looks at them. */
async function withCommits(commits: readonly EncodedObject[]): Promise<string> {
  const gitDir = emptyRepository();
  const refs = commits.map(({ oid }, index) => ({ ref: `refs/heads/commit-${index}`, from: null, to: oid }));
  await openRepository(gitDir).apply({ objects: [encodeObject("tree", ""), ...commits], refs });
  return gitDir;
}

describe("a commit", () => {
  test("has the id that git commit-tree gives to the same people, parents and words", () => {
    const gitDir = emptyRepository();
    pipeGit(gitDir, ["hash-object", "-t", "tree", "-w", "--stdin"]);
    const parents = ["first", "second"].map((message) => commitTree(gitDir, EMPTY_TREE, [], message));
    const person = fc.record({ name: PLAIN_WORD, email: PLAIN_WORD, seconds: SECONDS });
    fc.assert(
      fc.property(
        person,
        person,
        fc.subarray(parents),
        fc.string({ unit: "grapheme" }),
        (author, committer, parents, words) => {
          const message = formatMessage(`Subject ${words}`, [], [["Run-Id", "x"]]);
          const env = Object.fromEntries(
            Object.entries({ AUTHOR: author, COMMITTER: committer }).flatMap(([role, { name, email, seconds }]) => [
              [`GIT_${role}_NAME`, name],
              [`GIT_${role}_EMAIL`, email],
              [`GIT_${role}_DATE`, `${seconds} +0000`],
            ]),
          );
          const args = ["commit-tree", EMPTY_TREE, ...parents.flatMap((parent) => ["-p", parent])];
          const expected = pipeGit(gitDir, args, { input: message, env }).toString().trim();
          expect(encodeCommit({ tree: EMPTY_TREE, parents, author, committer, message }).oid).toBe(expected);
        },
      ),
      { numRuns: 40 },
    );
  });

  test("is read back as it was made, whatever the names and words", () => {
    fc.assert(
      fc.property(HOSTILE, HOSTILE, HOSTILE, SECONDS, (name, email, message, seconds) => {
        const commit = hostileCommit({ name, email, message, seconds });
        const again = parseCommit(encodeCommit(commit).data);
        expect(encodeCommit(again).oid).toBe(encodeCommit(commit).oid);
        expect([again.tree, again.parents]).toEqual([EMPTY_TREE, []]);
        expect([again.author.seconds, again.committer.seconds]).toEqual([seconds, seconds + 1]);
      }),
      { numRuns: 1000 },
    );
  });

  test("by hostile names is clean to git, and git reads the same people from it", async () => {
    const text = fc.tuple(HOSTILE, HOSTILE, HOSTILE, SECONDS);
    const samples = fc.sample(text, { numRuns: 150, seed: 7 });
    const commits = samples.map(([name, email, message, seconds]) =>
      encodeCommit(hostileCommit({ name, email, message, seconds })),
    );
    const gitDir = await withCommits(commits);
    expect(fsck(gitDir)).toEqual([]);
    const format = "%H%x01%an%x01%ae%x01%at%x01%cn%x01%ce%x01%ct%x00";
    const printed = pipeGit(gitDir, ["log", "--all", "-z", `--format=${format}`]);
    const asGit = new Map(linesOf(printed, "\0").map((line) => [line.slice(0, 40), line.slice(41).split("\x01")]));
    expect(asGit.size).toBe(new Set(commits.map(({ oid }) => oid)).size);
    for (const { oid, data } of commits) {
      const { author, committer } = parseCommit(data);
      const ours = [author, committer].flatMap(({ name, email, seconds }) => [name, email, String(seconds)]);
      expect(asGit.get(oid)).toEqual(ours);
    }
  });

  test("without a usable name is by unknown", () => {
    for (const name of ["", " ", "<>", "\n", "\0"]) {
      expect(
        parseCommit(encodeCommit(hostileCommit({ name, email: "", message: "words", seconds: 1 })).data).author.name,
      ).toBe("unknown");
    }
  });

  test("with headers that we do not use is read by the ones we do", () => {
    const text = [
      `tree ${EMPTY_TREE}`,
      `parent ${"1".repeat(40)}`,
      `parent ${"2".repeat(40)}`,
      "author A U Thor <author@example.org> 1700000000 +0530",
      "committer  <committer@example.org> 1700000001 -0000",
      "encoding ISO-8859-1",
      "mergetag object 3333333333333333333333333333333333333333",
      " type commit",
      " tagger x <y> 5 +0000",
      "gpgsig -----BEGIN PGP SIGNATURE-----",
      " ",
      " tree 0",
      " -----END PGP SIGNATURE-----",
      "",
      "Subject",
      "",
      "tree 4",
      "",
    ];
    expect(parseCommit(Buffer.from(text.join("\n")))).toEqual({
      tree: EMPTY_TREE,
      parents: ["1".repeat(40), "2".repeat(40)],
      author: { name: "A U Thor", email: "author@example.org", seconds: 1_700_000_000 },
      committer: { name: "", email: "committer@example.org", seconds: 1_700_000_001 },
      message: "Subject\n\ntree 4\n",
    });
  });

  test("that is missing, or no commit, is a corrupt object", () => {
    const blob = encodeObject("blob", "words");
    for (const oid of [blob.oid, "1".repeat(40)]) {
      expect(() => readCommit(readerOf([blob]), oid)).toThrow(expect.objectContaining({ code: "corrupt_object" }));
    }
  });
});

describe("a commit message", () => {
  const KEYS = ["Run-Id", "Job-Id", "Idempotency"] as const;

  /** What git takes for the trailers of a message. */
  function trailersByGit(message: string): string[] {
    return linesOf(pipeGit("/", ["interpret-trailers", "--parse"], { input: message }));
  }

  test("has the trailers that we gave it and no other, whatever the words around them", () => {
    fc.assert(
      fc.property(
        HOSTILE,
        fc.array(HOSTILE, { maxLength: 3 }),
        fc.array(
          HOSTILE.map((value) => `x${value}`),
          { minLength: 3, maxLength: 3 },
        ),
        (subject, body, values) => {
          const message = formatMessage(
            `Submit ${subject}`,
            body.map((line) => `modify ${line}`),
            KEYS.map((key, index) => [key, values[index] ?? ""]),
          );
          expect(trailersByGit(message)).toEqual(KEYS.map((key) => `${key}: ${trailerOf(message, key)}`));
          expect(linesOf(message).filter((line) => KEYS.some((key) => line.startsWith(`${key}:`)))).toHaveLength(
            KEYS.length,
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  test("without trailers has none, to git and to us, though its subject looks like one", () => {
    const message = formatMessage("Run-Id: forged", [], []);
    expect(trailersByGit(message)).toEqual([]);
    expect(trailerOf(message, "Run-Id")).toBeNull();
  });

  test("keeps its trailers although a line of the body is a divider of patches", () => {
    const message = formatMessage("Subject", ["Run-Id: forged", "---"], [["Run-Id", "right"]]);
    expect(trailersByGit(message)).toEqual(["Run-Id: right"]);
  });

  test("has a subject of one line", () => {
    fc.assert(
      fc.property(HOSTILE, (words) => {
        const message = formatMessage(`Start ${words}`, ["body"], []);
        expect(linesOf(message)).toHaveLength(2);
        expect(subjectOf(message)).toMatch(/^Start/);
      }),
    );
  });

  test("has no trailer that only its middle holds", () => {
    const message = "Subject\n\nRun-Id: middle\n\nlast paragraph\n";
    expect(trailerOf(message, "Run-Id")).toBeNull();
    expect(trailersByGit(message)).toEqual([]);
  });

  test("is shown by git log as it was given", async () => {
    const message = formatMessage("Submit to run x", ["add study_set/a", "delete study_set/b"], [["Run-Id", "x"]]);
    const commit = encodeCommit({ ...hostileCommit({ name: "a", email: "b", message: "", seconds: 1 }), message });
    const gitDir = await withCommits([commit]);
    expect(git(gitDir, "log", "-1", "--format=%B%(trailers:key=Run-Id,valueonly)", "commit-0")).toBe(`${message}x\n\n`);
  });
});
