/** What a key may do, from least to most; each role may do what those before it may (WIRE §2). */
export const ROLES = ["reader", "agent", "steward", "admin"] as const;

export type Role = (typeof ROLES)[number];

/** Tells whether a role may do what needs another. */
export function isAtLeast(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** Who asks. A principal with a key is limited by it; one without is the person at this machine, or a reader who needs none. */
export interface Principal {
  /** The name of the key, in `created_by` and as the author of commits. */
  readonly name: string;
  readonly role: Role;
  /** The id of the key; null without one. */
  readonly key: string | null;
  /** The only run that it may change, nothing else besides; for the token of a process. */
  readonly onlyRun?: string;
}

/** The person at this machine: who works on a repository directly, or asks a server that has no keys over loopback. */
export const LOCAL: Principal = { name: "local", role: "admin", key: null };

/** Who reads without a key where that is allowed. */
export const ANONYMOUS: Principal = { name: "anonymous", role: "reader", key: null };
