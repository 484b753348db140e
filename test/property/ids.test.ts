import fc from "fast-check";
import { expect, test } from "vitest";
import { collisionKey, decodeId, encodeId, foldId, idProblem, shardOf } from "../../src/domain/ids.ts";
import { text } from "./generators.ts";
import { holds } from "./runs.ts";

/** The names that Windows keeps for devices, from its own documentation. */
const DEVICES = [..."123456789"].flatMap((digit) => [`com${digit}`, `lpt${digit}`]).concat("con", "prn", "aux", "nul");

/** Texts that an id is often made of, and some that would hurt a file system, git or a shell. */
const fragment = fc.constantFrom(
  "a",
  "Z",
  "9",
  ".",
  "-",
  "_",
  ":",
  "%",
  "%3A",
  "/",
  "\\",
  "..",
  " ",
  "~1",
  ".git",
  ".lock",
  "é",
  "e\u0301",
  "😀",
  "\0",
  "\n",
);

const device = fc
  .tuple(fc.constantFrom(...DEVICES), fc.boolean(), fc.constantFrom("", ".txt", ".tar.gz", ".x"))
  .map(([name, upper, extension]) => (upper ? name.toUpperCase() : name) + extension);

const anyText = fc.oneof(
  text,
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join("")),
  fc.string({ unit: "grapheme-ascii", maxLength: 170 }),
  device,
);

const id = anyText.filter((candidate) => idProblem(candidate) === null);

test("every id comes back from its file name", () => {
  holds(id, (one) => expect(decodeId(encodeId(one))).toBe(one));
});

test("a file name is its id percent-encoded, as any program decodes it", () => {
  holds(id, (one) => expect(decodeURIComponent(encodeId(one))).toBe(one));
});

test("a file name is safe on Windows, in git and in a shell, and fits 160 bytes", () => {
  holds(id, (one) => {
    const name = encodeId(one);
    expect(name).toMatch(/^(?:[A-Za-z0-9]|%[0-9A-F]{2})(?:[A-Za-z0-9._-]|%[0-9A-F]{2})*$/);
    expect(name.length).toBeLessThanOrEqual(160);
    expect(name).not.toMatch(/\.$|\.lock$/);
    expect(DEVICES).not.toContain(name.split(".")[0]?.toLowerCase());
  });
});

test("a file name that decodes is the one name of its id", () => {
  const names = fc.oneof(
    anyText,
    anyText.map(encodeId),
    id.map((one) => encodeId(one).replace(/%../, (hex) => hex.toLowerCase())),
    fc.stringMatching(/^(?:[a-z.]|%[0-9A-F]{2}){1,6}$/),
  );
  holds(names, (name) => {
    const decoded = decodeId(name);
    if (decoded === null) return;
    expect(idProblem(decoded)).toBeNull();
    expect(encodeId(decoded)).toBe(name);
  });
});

test("an id is refused exactly when it is empty, ends in a dot or .lock, or is too long as a file name", () => {
  holds(anyText, (one) => {
    const bytes = [...new TextEncoder().encode(one)].map((byte) => String.fromCharCode(byte));
    const plain = bytes.filter((byte) => /[A-Za-z0-9._-]/.test(byte)).length;
    const guarded =
      /^[._-]/.test(one) || DEVICES.concat("com0", "lpt0").includes(one.toLowerCase().split(".")[0] ?? "");
    const length = plain + 3 * (bytes.length - plain) + (guarded ? 2 : 0);
    const refused = one === "" || one.endsWith(".") || one.endsWith(".lock") || length > 160;
    expect(idProblem(one) !== null).toBe(refused);
  });
});

test("ids that differ only in case or normal form lie in one folder", () => {
  const letter = fc.constantFrom("a", "e", "I", "o", "u", "c", "N", "ü", "Å", "Ж", "я", "Δ", "9", ":", "-");
  const accented = fc.tuple(letter, fc.constantFrom("", "", "\u0301", "\u0300", "\u0302")).map((pair) => pair.join(""));
  const word = fc.array(accented, { minLength: 1, maxLength: 10 }).map((letters) => letters.join(""));
  const variant = fc.constantFrom<(one: string) => string>(
    (one) => one.toUpperCase(),
    (one) => one.toLowerCase(),
    (one) => one.normalize("NFC"),
    (one) => one.normalize("NFD"),
  );
  const pairs = fc.tuple(word, fc.array(variant, { maxLength: 3 }), fc.constantFrom(0, 1, 2));
  holds(pairs, ([one, variants, shards]) => {
    const other = variants.reduce((now, change) => change(now), one);
    expect(foldId(other)).toBe(foldId(one));
    expect(shardOf(other, shards)).toBe(shardOf(one, shards));
    expect(shardOf(one, shards)).toMatch([/^$/, /^[0-9a-f]{2}\/$/, /^[0-9a-f]{2}\/[0-9a-f]{2}\/$/][shards] ?? /never/);
  });
});

/** Other spellings of a text, some of which collide with it. */
const SPELLINGS: ((one: string) => string)[] = [
  (one) => one,
  (one) => one.toUpperCase(),
  (one) => one.toLowerCase(),
  (one) => one.normalize("NFD"),
  (one) => one.normalize("NFC").toUpperCase(),
  (one) => one.replace("k", "\u212a"),
];

test("of two ids that collide, each file name is looked at for the other", () => {
  holds(fc.tuple(id, fc.constantFrom(...SPELLINGS)), ([one, spell]) => {
    const other = spell(`${one}k`);
    fc.pre(idProblem(`${one}k`) === null && idProblem(other) === null && foldId(other) === foldId(`${one}k`));
    const keys = [collisionKey(encodeId(other)), collisionKey(encodeId(`${one}k`))];
    expect(keys.includes(null) || keys[0] === keys[1]).toBe(true);
  });
});
