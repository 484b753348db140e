/** What a terminal obeys instead of showing it, a new line apart: control characters, and those that turn the direction of text. */
// oxlint-disable-next-line no-control-regex -- control characters are what this finds
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text of several lines with everything that a terminal would obey as `\u001b`. JSON stays the same JSON. */
export function escaped(text: string): string {
  return text.replace(OBEYED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A value that other people wrote, on one line and with nothing in it that a terminal would obey. */
export function plain(value: string): string {
  return escaped(value).replaceAll("\n", "\\n");
}
