import { randomBytes } from "node:crypto";

/** The trace a request belongs to: its id, and the header that names our part in it. */
interface Trace {
  readonly id: string;
  readonly parent: string;
}

/** Version, trace id, the caller's span, flags; later versions may go on behind a dash. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;

/** Reads a `traceparent` header (W3C Trace Context); null when there is none that can be read. */
export function traceOf(header: string): Trace | null {
  const [, id = "", span = "", flags = ""] = TRACEPARENT.exec(header) ?? [];
  if (/^0*$/.test(id) || /^0*$/.test(span)) return null;
  return { id, parent: `00-${id}-${randomBytes(8).toString("hex")}-${flags}` };
}
