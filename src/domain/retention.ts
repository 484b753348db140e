import { RuntreeError } from "./errors.ts";
import { unknownMember } from "./nearest.ts";

/** How long (days) things are kept where they are looked for. */
export interface Retention {
  /** Jobs that ended, in the tree of `ops`; then only its history has them. */
  readonly jobs_days: number;
  /** Logs of processes. */
  readonly logs_days: number;
}

const DEFAULTS: Retention = { jobs_days: 30, logs_days: 30 };

/** Longest time that can be configured, in days. */
const MOST_DAYS = 36_500;

/** Reads the member `retention` of a configuration; what it does not say is 30 days. Throws `bad_configuration`. */
export function readRetention(given: unknown, path: string): Retention {
  if (given === undefined) return DEFAULTS;
  const refused = (words: string): RuntreeError =>
    new RuntreeError("bad_configuration", `${path}: ${words}`, { path, member: "retention" });
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw refused('retention must be an object, such as {"jobs_days": 30, "logs_days": 30}.');
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULTS, name))
      throw refused(
        `retention has a member that is not known: ${name}; ${unknownMember(name, Object.keys(DEFAULTS))}.`,
      );
    if (typeof value !== "number" || !(value > 0 && value <= MOST_DAYS))
      throw refused(`retention.${name} must be a number of days, above 0 and up to ${MOST_DAYS}.`);
  }
  return { ...DEFAULTS, ...given };
}
