/**
 * How many ms a `Retry-After` header asks to wait: it says seconds or a date (RFC 9110 §10.2.3). Null when it is
 * missing or says nothing of the kind.
 */
export function retryAfterMs(header: string | undefined, now: number): number | null {
  const text = header?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // Only the forms of HTTP: Date.parse would take nearly anything for a date.
  if (!/^[A-Z][a-z]{2,8},? .*\d{2}:\d{2}:\d{2}/.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
