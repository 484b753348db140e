import { refused } from "./galaxy-error.ts";
import { isId } from "./read.ts";

/** Galaxy's own number for an id that cannot be one. */
const MALFORMED_ID = 400_009;

/** An id as a part of a path. What cannot be one is refused here as Galaxy would, without asking it. */
export function idInPath(server: string, call: string, id: string): string {
  if (isId(id)) return id;
  const fault = { server, call, sent: false, effect: "none", status: 400 } as const;
  throw refused(fault, { err_code: MALFORMED_ID, err_msg: "Malformed id." });
}
