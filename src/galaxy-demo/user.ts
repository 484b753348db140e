import type { Wire } from "./wire.ts";

/** The one user of a stand-in. */
export const OWNER = {
  deleted: false,
  email: "demo@example.org",
  id: "f2db41e1fa331b3e",
  is_admin: false,
  nice_total_disk_usage: "0 bytes",
  preferences: {},
  preferred_object_store_id: null,
  purged: false,
  quota: "unlimited",
  quota_bytes: null,
  quota_percent: null,
  total_disk_usage: 0,
  username: "demo",
} satisfies Wire["DetailedUserModel"];
