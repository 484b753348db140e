import { RuntreeError } from "./errors.ts";
import { unknownMember } from "./nearest.ts";

interface Limit {
  readonly fallback: number;
  /** What it can be at most: longer times and larger headers Node does not take. */
  readonly most?: number;
  readonly describe: string;
}

/** Every limit that the configuration may set, by its member of `limits`; the defaults are those of facts/reliability.md §Security. */
export const LIMITS = {
  headers_s: { fallback: 10, most: 86_400, describe: "seconds for the headers of a request to arrive" },
  request_s: { fallback: 60, most: 86_400, describe: "seconds for a whole request to arrive" },
  push_s: { fallback: 300, most: 86_400, describe: "seconds for a whole git push to arrive" },
  header_bytes: { fallback: 16_384, most: 1_048_576, describe: "bytes of a request's headers" },
  connections: { fallback: 1024, describe: "connections at a time" },
  requests_per_minute: { fallback: 6000, describe: "requests of one key in a minute" },
  open_runs: { fallback: 10_000, describe: "open runs of one key" },
  free_disk_bytes: { fallback: 67_108_864, describe: "bytes of the disk that writes leave free" },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;
export type Limits = { readonly [Name in LimitName]: number };

/** The limits of a configuration's member `limits`; what it does not say is as usual. Throws `bad_configuration`. */
export function readLimits(given: unknown, path: string): Limits {
  const refused = (words: string): RuntreeError => new RuntreeError("bad_configuration", `${path}: ${words}`, { path });
  if (given === undefined) return readLimits({}, path);
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw refused("limits must be an object.");
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(LIMITS, name));
  if (unknown !== undefined)
    throw refused(`limits has a member that is not known: ${unknown}; ${unknownMember(unknown, Object.keys(LIMITS))}.`);
  const limits = Object.entries<Limit>(LIMITS).map(([name, { fallback, most = Number.MAX_SAFE_INTEGER }]) => {
    const value: unknown = (given as Record<string, unknown>)[name] ?? fallback;
    // Nothing could be served with a zero, but a disk may be filled.
    const least = name === "free_disk_bytes" ? 0 : 1;
    if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most) return [name, value];
    throw refused(`limits.${name} must be a whole number from ${least} to ${most}, not ${JSON.stringify(value)}.`);
  });
  return Object.fromEntries(limits) as Limits;
}
