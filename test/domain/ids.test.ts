import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { decodeId, encodeId, idProblem, isCollectionName, shardOf } from "../../src/domain/ids.ts";

describe("the file name of an id", () => {
  test.each([
    ["nmdc:bsm-11-a", "nmdc%3Absm-11-a"],
    ["Sample_1.v2-b", "Sample_1.v2-b"],
    ["100%", "100%25"],
    ["a/b\\c", "a%2Fb%5Cc"],
    ["é", "%C3%A9"],
    ["e\u0301", "e%CC%81"],
    ["😀", "%F0%9F%98%80"],
    [" a ", "%20a%20"],
    ["\0\n\x7f", "%00%0A%7F"],
    [".git", "%2Egit"],
    ["..a", "%2E.a"],
    ["-rf", "%2Drf"],
    ["_x", "%5Fx"],
    ["~1", "%7E1"],
    ["con", "%63on"],
    ["CON", "%43ON"],
    ["con.txt", "%63on.txt"],
    ["COM1", "%43OM1"],
    ["lpt9.tar.gz", "%6Cpt9.tar.gz"],
    ["nul", "%6Eul"],
    ["Aux.x", "%41ux.x"],
    ["prn", "%70rn"],
    ["console", "console"],
    ["com10", "com10"],
    ["icon", "icon"],
    ["con-1", "con-1"],
    ["\ufeffa", "%EF%BB%BFa"],
  ])("of %j is %s", (id, name) => {
    expect(encodeId(id)).toBe(name);
    expect(decodeId(name)).toBe(id);
  });

  test.each([
    "",
    "%3a",
    "a%62c",
    "a%",
    "a%4",
    "a%GG",
    "%FF",
    "%C3",
    "%ED%A0%80",
    "%C0%AF",
    "con",
    "NUL.txt",
    ".git",
    "-rf",
    "a b",
    "é",
    "Ā",
    "%2E%2E",
    "a.",
    "a.lock",
  ])("%j is the file name of none", (name) => {
    expect(decodeId(name)).toBeNull();
  });
});

describe("an id is refused", () => {
  test.each([
    ["empty", ""],
    ["exactly ..", ".."],
    ["exactly .", "."],
    ["ending in a dot", "sample."],
    ["ending in .lock", "sample.lock"],
    ["only .lock", ".lock"],
    ["161 bytes long", "a".repeat(161)],
    ["162 bytes long as a file name", ":".repeat(54)],
    ["161 bytes long as a file name, through its first byte", `-${"a".repeat(158)}`],
    ["half a surrogate pair", "a\ud800"],
    ["a surrogate pair the wrong way round", "\ude00\ud83d"],
  ])("that is %s", (_, id) => {
    expect(idProblem(id)).not.toBeNull();
  });

  test.each([
    ["a single letter", "a"],
    ["160 bytes long", "a".repeat(160)],
    ["159 bytes long as a file name", ":".repeat(53)],
    ["160 bytes long as a file name, through its first byte", `-${"a".repeat(157)}`],
    ["a dot file", ".gitignore"],
    ["starting with two dots", "..a"],
    ["in capitals with .LOCK", "a.LOCK"],
    ["with .lock inside", "a.lock.b"],
    ["a device of Windows", "con"],
    ["a path", "../../etc/passwd"],
    ["a surrogate pair", "😀"],
  ])("but not when it is %s", (_, id) => {
    expect(idProblem(id)).toBeNull();
  });
});

describe("the folder of an id", () => {
  test("is the first digits of the SHA-1 of the id in NFC and lower case", () => {
    const digest = createHash("sha1").update("é-1").digest("hex");
    expect(shardOf("E\u0301-1", 0)).toBe("");
    expect(shardOf("E\u0301-1", 1)).toBe(`${digest.slice(0, 2)}/`);
    expect(shardOf("E\u0301-1", 2)).toBe(`${digest.slice(0, 2)}/${digest.slice(2, 4)}/`);
  });

  // Each has a composed form in lower case only, so the lower case of its upper one in NFC is not in NFC.
  test("is the same for a letter that is composed in lower case only, and for its upper case", () => {
    const letters = ["ǰ", "ẗ", "ΐ"];
    expect(letters.map((letter) => shardOf(letter.toUpperCase(), 2))).toEqual(
      letters.map((letter) => shardOf(letter, 2)),
    );
  });
});

describe("a collection", () => {
  test.each(["a", "biosample_set", "a-1", `a${"b".repeat(63)}`])("may be called %j", (name) => {
    expect(isCollectionName(name)).toBe(true);
  });

  test.each(["", "A", "1a", "_a", "-a", "a.b", "a b", "a/b", "ä", "$config", "@type", "a\n", `a${"b".repeat(64)}`])(
    "may not be called %j",
    (name) => {
      expect(isCollectionName(name)).toBe(false);
    },
  );
});
