import { RuntreeError } from "./errors.ts";
import { LONE_SURROGATE } from "./ids.ts";
import type { Json } from "./json.ts";
import { formatPointer } from "./pointer.ts";
import { doorViolation, MAX_LISTED, type Notice, type Violation } from "./verdict.ts";

/** Deepest nesting of objects and arrays that is read. */
export const MAX_DEPTH = 64;

/** Longest key, in UTF-16 units; the pointers of everything below it repeat it. */
export const MAX_KEY = 1000;

/** Keys that JavaScript gives a meaning of its own. */
export const HOSTILE_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

const INTEGER = /^-?\d+$/;
const [QUOTE, BACKSLASH, SPACE_UNIT] = [0x22, 0x5c, 0x20];
const WORDS = [
  ["true", true],
  ["false", false],
  ["null", null],
] as const;
const NUMBER = /-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
export interface ReadJson {
  readonly value: Json;
  /** What is well-formed but refused: hostile keys and numbers that would be changed. Pointers are into the text's value. */
  readonly violations: readonly Violation[];
  /** Decimals that a double cannot repeat, kept as the nearest double. */
  readonly notices: readonly Notice[];
}

/** The digits and exponent of a decimal literal without insignificant zeros, so that equal numbers have equal forms. */
function normalDecimal(literal: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? [];
  const digits = whole + fraction;
  let [start, end] = [0, digits.length];
  while (digits[start] === "0") start++;
  while (end > start && digits[end - 1] === "0") end--;
  if (start === end) return "0";
  return `${sign}${digits.slice(start, end)}e${BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - end)}`;
}

/** A pointer as a sentence can hold it. */
function shorten(pointer: string): string {
  return pointer.length > 200 ? `${pointer.slice(0, 200)}…` : pointer;
}

/** Reads one JSON text; a class because position and path are shared by its few mutually recursive functions. */
class Reader {
  readonly violations: Violation[] = [];
  readonly notices: Notice[] = [];
  readonly #text: string;
  readonly #path: string[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Json {
    this.#skip();
    const value = this.#value();
    this.#skip();
    if (this.#at < this.#text.length) this.#malformed("more text after the value");
    return value;
  }

  #skip(): void {
    for (let unit = this.#text.charCodeAt(this.#at); unit <= SPACE_UNIT; unit = this.#text.charCodeAt(++this.#at)) {
      if (unit !== SPACE_UNIT && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
    }
  }

  #malformed(what: string): never {
    const before = this.#text.slice(0, this.#at).split("\n");
    const message = `Not JSON: ${what} at line ${before.length}, column ${(before.at(-1) ?? "").length + 1}.`;
    throw new RuntreeError("malformed_json", message, {
      errors: [doorViolation("malformed_json", formatPointer(this.#path), message)],
    });
  }

  #value(): Json {
    const character = this.#text[this.#at];
    if (character === '"') return this.#string();
    if (character === "{") {
      this.#enter();
      return this.#object();
    }
    if (character === "[") {
      this.#enter();
      return this.#array();
    }
    if (character === "t" || character === "f" || character === "n") {
      for (const [word, value] of WORDS) {
        if (!this.#text.startsWith(word, this.#at)) continue;
        this.#at += word.length;
        return value;
      }
    }
    return this.#number();
  }

  /** Takes note of what is refused or changed; no more of it than anybody reads. */
  #note<Item>(list: Item[], make: (pointer: string) => Item): void {
    if (list.length < MAX_LISTED) list.push(make(formatPointer(this.#path)));
  }

  /** Steps into an object or an array. */
  #enter(): void {
    if (this.#path.length >= MAX_DEPTH) {
      const message = `Objects and arrays may nest ${MAX_DEPTH} deep at most.`;
      throw new RuntreeError("validation_failed", message, {
        errors: [doorViolation("too_large", formatPointer(this.#path), message)],
      });
    }
    this.#at++;
    this.#skip();
  }

  #object(): Json {
    const members: Record<string, Json> = {};
    if (this.#text[this.#at] === "}") return this.#close(members);
    for (;;) {
      if (this.#text[this.#at] !== '"') this.#malformed("a key in quotes is expected");
      const key = this.#string();
      this.#path.push(key);
      if (Object.hasOwn(members, key)) this.#malformed(`the key ${JSON.stringify(key)} stands twice`);
      if (key.length > MAX_KEY) {
        this.#path[this.#path.length - 1] = `${key.slice(0, 40)}…`;
        this.#note(this.violations, (pointer) =>
          doorViolation("too_large", pointer, `A key may have ${MAX_KEY} characters at most.`),
        );
      }
      if (HOSTILE_KEYS.has(key)) {
        this.#note(this.violations, (pointer) =>
          doorViolation("hostile_key", pointer, `The key ${key} is not allowed.`),
        );
      }
      this.#skip();
      if (this.#text[this.#at] !== ":") this.#malformed('":" is expected');
      this.#at++;
      this.#skip();
      const value = this.#value();
      // Assigning `__proto__` would change the object instead of adding a member.
      if (key !== "__proto__") members[key] = value;
      else Object.defineProperty(members, key, { value, enumerable: true, writable: true, configurable: true });
      this.#path.pop();
      if (!this.#more("}")) return this.#close(members);
    }
  }

  #array(): Json {
    const items: Json[] = [];
    if (this.#text[this.#at] === "]") return this.#close(items);
    for (;;) {
      this.#path.push(String(items.length));
      items.push(this.#value());
      this.#path.pop();
      if (!this.#more("]")) return this.#close(items);
    }
  }

  #close<Value extends Json>(value: Value): Value {
    this.#at++;
    return value;
  }

  /** Steps over a comma; false at the closing character, which is left for `#close`. */
  #more(closing: string): boolean {
    this.#skip();
    const character = this.#text[this.#at];
    if (character === closing) return false;
    if (character !== ",") this.#malformed(`"," or "${closing}" is expected`);
    this.#at++;
    this.#skip();
    return true;
  }

  #string(): string {
    const start = this.#at;
    let escaped = false;
    for (this.#at++; ; this.#at++) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit === QUOTE) break;
      // NaN past the end of the text is not at least a space, either.
      if (!(unit >= SPACE_UNIT)) this.#malformed("a string is not closed or holds a control character");
      if (unit !== BACKSLASH) continue;
      escaped = true;
      this.#at++;
    }
    this.#at++;
    const text = escaped ? this.#unescape(start) : this.#text.slice(start + 1, this.#at - 1);
    if (LONE_SURROGATE.test(text)) this.#malformed("a string holds half of a surrogate pair");
    return text;
  }

  #unescape(start: number): string {
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string;
    } catch {
      this.#malformed("a string holds a bad escape");
    }
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const literal = NUMBER.exec(this.#text)?.[0];
    if (literal === undefined)
      this.#malformed(this.#at >= this.#text.length ? "the text ends early" : "a value is expected");
    this.#at += literal.length;
    const value = Number(literal);
    const written = String(value);
    if (written === literal && Number.isSafeInteger(value)) return value;
    const shown = literal.length > 40 ? `${literal.slice(0, 40)}…` : literal;
    const refuse = (words: string): void =>
      this.#note(this.violations, (pointer) => doorViolation("bad_number", pointer, `${shown} ${words}`));
    if (!Number.isFinite(value)) refuse("is too large for a JSON number here.");
    else if (Math.abs(value) > Number.MAX_SAFE_INTEGER && (INTEGER.test(literal) || INTEGER.test(written))) {
      refuse("is beyond 2^53-1 and would lose digits; send it as a string.");
    } else if (written !== literal && normalDecimal(literal) !== normalDecimal(written)) {
      const words = `${shown} is kept as ${written}, the nearest number a double holds.`;
      this.#note(this.notices, (pointer) => ({
        code: "number_rounded",
        message: `${shorten(pointer)}: ${words}`,
        severity: "info",
      }));
    }
    return value === 0 ? 0 : value;
  }
}

/**
 * Reads a JSON text that somebody sent, strictly: what `JSON.parse` would silently change is refused or noticed.
 * Throws `malformed_json` (not UTF-8, not JSON, duplicate keys, lone surrogates) and `validation_failed` (too deep), with `errors`.
 */
export function readJson(bytes: Uint8Array): ReadJson {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    const message = "Not JSON: the text is not UTF-8.";
    throw new RuntreeError(
      "malformed_json",
      message,
      { errors: [doorViolation("malformed_json", "", message)] },
      error,
    );
  }
  const reader = new Reader(text);
  const value = reader.whole();
  return { value, violations: reader.violations, notices: reader.notices };
}
