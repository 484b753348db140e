import fs, { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Argv, CommandModule } from "yargs";
import { resolveSettings } from "../config.ts";
import { RuntreeError } from "../domain/errors.ts";
import { type Role, ROLES } from "../domain/roles.ts";
import { readTime } from "../domain/time.ts";
import { createKey, type KeyRecord, readKeys, revokeKey } from "../store/keys.ts";
import { gitDirOf } from "../store/open.ts";
import { groupOf } from "./command.ts";
import { note, printData } from "./output.ts";
import { table } from "./table.ts";
import { dataFlags } from "./target.ts";

type Flags = { readonly json: boolean; readonly data: string | undefined } & Readonly<Record<string, unknown>>;

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads when a key expires: an RFC 3339 time, or how long from now (`90d`, `12h`, `30m`). Throws `bad_request`. */
function expiryOf(text: string, now: number): string {
  const [, amount = "", unit = ""] = /^([1-9]\d{0,5})([mhd])$/.exec(text) ?? [];
  const moment = amount === "" ? readTime(text) : now + Number(amount) * (UNITS[unit] ?? 0);
  if (moment !== null && moment > now && !/^\d+$/.test(text)) return new Date(moment).toISOString();
  throw new RuntreeError("bad_request", `A key can expire at a time to come, or in 90d, 12h or 30m; not at "${text}".`);
}

/** What is told of a key: all but its digest. */
function shown({ sha256: _, ...record }: KeyRecord): Omit<KeyRecord, "sha256"> {
  return record;
}

function stateOf({ expires_at, revoked_at }: KeyRecord, now: number): string {
  if (revoked_at !== null) return `revoked ${revoked_at}`;
  if (expires_at === null) return "good";
  return Date.parse(expires_at) <= now ? `expired ${expires_at}` : `good until ${expires_at}`;
}

/** One subcommand, on the keys of a data directory; a server that runs on it sees the change at once. */
function subcommand(
  command: string,
  describe: string,
  more: (yargs: Argv) => Argv,
  action: (data: string, flags: Flags, now: number) => readonly [unknown, string],
): CommandModule {
  return {
    command,
    describe,
    builder: (yargs) => dataFlags(more(yargs)),
    handler: (flags) => {
      const known = flags as unknown as Flags;
      const { values } = resolveSettings(known.data === undefined ? {} : { data: known.data });
      const [value, text] = action(values.data, known, Date.now());
      printData(known.json, value, text);
    },
  };
}

const subcommands: readonly CommandModule[] = [
  subcommand(
    "create",
    "make a key and show it, this once",
    (yargs) =>
      yargs
        .option("role", { choices: ROLES, demandOption: true, describe: "what it may do" })
        .option("name", { type: "string", demandOption: true, describe: "who its requests are made by" })
        .option("expires", { type: "string", describe: "a time, or how long from now: 90d, 12h, 30m" }),
    (data, flags, now) => {
      const [name, role] = [String(flags["name"]), flags["role"] as Role];
      const expiresAt = flags["expires"] === undefined ? null : expiryOf(String(flags["expires"]), now);
      const first = readKeys(fs, data).length === 0;
      const { record, key } = createKey(fs, data, { name, role, expiresAt }, now);
      if (!existsSync(gitDirOf(data)))
        note(`there is no repository in ${resolve(data)} yet; \`runtree serve\` makes it`);
      if (first) note("from now on a server on this data directory asks for a key");
      note("keep it safe: it is stored nowhere and cannot be shown again");
      const expiry = expiresAt === null ? {} : { expires_at: expiresAt };
      return [{ id: record.id, name: record.name, role, key, ...expiry }, key];
    },
  ),
  subcommand(
    "list",
    "list the keys, without their secrets",
    (yargs) => yargs,
    (data, _, now) => {
      const keys = readKeys(fs, data);
      const rows = keys.map((key) => [key.id, key.role, stateOf(key, now), key.created_at, key.name]);
      return [
        { items: keys.map(shown) },
        rows.length === 0 ? "no keys" : table([["ID", "ROLE", "STATE", "CREATED", "NAME"], ...rows]),
      ];
    },
  ),
  subcommand(
    "revoke <id>",
    "make a key useless, for good",
    (yargs) => yargs.positional("id", { type: "string", demandOption: true, describe: "id of the key" }),
    (data, flags, now) => {
      const record = revokeKey(fs, data, String(flags["id"]), now);
      return [shown(record), `Revoked the key ${record.id} of ${record.name}.`];
    },
  ),
];

export const keyCommand: CommandModule = groupOf(
  "key",
  "make, list and revoke the keys of a data directory",
  subcommands,
  "Say what to do with keys.",
);
