/** What a key may do, from least to most; each role may do what those before it may (WIRE §2). */
export const ROLES = ["reader", "agent", "steward", "admin"] as const;

export type Role = (typeof ROLES)[number];

/** Tells whether a role may do what needs another. */
export function isAtLeast(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
