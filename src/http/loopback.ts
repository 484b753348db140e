import { isIP } from "node:net";

/** Names and addresses of this machine that no other machine reaches, and that need no keys. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
