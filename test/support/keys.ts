import fs from "node:fs";
import type { Role } from "../../src/domain/roles.ts";
import { createKey } from "../../src/store/keys.ts";

/** Makes a key in a data directory and returns it. */
export function makeKey(data: string, role: Role, name: string = role, expiresAt: string | null = null): string {
  return createKey(fs, data, { name, role, expiresAt }, Date.now()).key;
}
