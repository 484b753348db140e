/**
 * Reads an RFC 3339 time as ms since 1970; null when it is none. A leap second, which such clocks do not have, is the
 * beginning of the next minute.
 */
export function readTime(text: string): number | null {
  const leap = /:60(?=[.Zz+-])/.test(text);
  const moment = Date.parse(leap ? text.replace(/:60(\.\d+)?/, ":59") : text);
  return Number.isNaN(moment) ? null : moment + (leap ? 1000 : 0);
}
