import { LOCAL } from "../../src/domain/roles.ts";
import type { OperationId } from "../../src/contract/operations.ts";
import type { Json } from "../../src/domain/json.ts";
import type { FileSystem } from "../../src/git/files.ts";
import { clearStaleLocks } from "../../src/git/refs.ts";
import { JournaledRepository } from "../../src/git/journaled-repository.ts";
import type { Repository } from "../../src/git/repository.ts";
import { Dispatcher } from "../../src/http/dispatch.ts";
import { makeHandlers } from "../../src/http/handlers.ts";
import { type RawRequest, understand } from "../../src/http/request.ts";
import { Validator } from "../../src/schema/validator.ts";
import { judgeLeftovers } from "../../src/store/open.ts";
import { Store } from "../../src/store/store.ts";
import { FaultyDisk } from "./faulty-disk.ts";
import { CONFIGURATION, SCHEMAS } from "./situations.ts";
import { openTestStore, templateFolder } from "./store.ts";

/** Where a store on a disk in memory has its repository. */
export const GIT_DIR = "/data/repo.git";

/** What the clock of such a store shows, always. */
export const NOW: number = Date.parse("2026-03-01T12:00:00Z");

/** One request; the key lets it be repeated. An operation that takes no key has none. */
export interface Asked {
  readonly operation: OperationId;
  readonly params: Readonly<Record<string, string>>;
  readonly body: Json;
  readonly key: string | null;
}

/** What a request was answered with: the status, and that of the run it is about. */
export interface Told {
  readonly status: number;
  readonly run: string | null;
}

/** An open store on a disk in memory, asked as over HTTP. */
export interface DiskStore {
  readonly store: Store;
  /** What was done to the repository, or could not be, before it was opened. */
  readonly reports: readonly string[];
  ask(request: Asked): Promise<Told>;
  close(): Promise<void>;
}

/**
 * Whether a ref that a failed write moved may stay where it is, unsynced, with the request that moved it not remembered.
 * So it is with refs that are moved one by one on disk; a process that meets such an error is ended here, not asked again.
 */
export const MOVES_MAY_STAND = false;

/** Puts something between a store and its repository. */
export type Through = (repository: Repository, fs: FileSystem) => Repository;

/** One worker for all stores of a test file: starting one takes longer than most of what is tried here. */
class SharedValidator extends Validator {
  override async close(): Promise<void> {
    await Promise.resolve();
  }
}

const VALIDATOR = new SharedValidator();
const HANDLERS = makeHandlers({ git: "git in memory" });

/**
 * Opens the repository of a disk as `openStore` does: what a crash left is cleared and judged. The one place here that
 * knows what a store is made of. The lock of the data directory is left out, which is about processes.
 */
export async function openOn(fs: FileSystem, through: Through = (repository) => repository): Promise<DiskStore> {
  const reports: string[] = [];
  await clearStaleLocks(fs, GIT_DIR, 0);
  const report = (message: string): void => void reports.push(message);
  const below = await JournaledRepository.open(fs, GIT_DIR, { worker: false, report });
  const repository = through(below, fs);
  const store = new Store({ repository, validator: VALIDATOR, node: "node", clock: () => NOW });
  await judgeLeftovers(store, report);
  const dispatcher = new Dispatcher(store, HANDLERS);
  const ask = async (request: Asked): Promise<Told> => {
    const { status, body } = await dispatcher.answer(rawRequest(request));
    const answer = JSON.parse(body?.toString("utf8") ?? "null") as { status?: unknown; run?: { status?: string } };
    return { status, run: answer.run?.status ?? (typeof answer.status === "string" ? answer.status : null) };
  };
  return { store, reports, ask, close: async () => store.close() };
}

function rawRequest({ operation, params, body, key }: Asked): RawRequest {
  const headers = { "content-type": "application/json", ...(key === null ? {} : { "idempotency-key": key }) };
  const bytes = Buffer.from(JSON.stringify(body));
  return { operation, params, query: {}, headers, body: bytes, principal: LOCAL, requestId: "request" };
}

/** The key of a request as the store remembers it; null when it has none. */
export function rememberedKey(request: Asked): string | null {
  return understand(rawRequest(request)).idempotency?.key ?? null;
}

/** A disk with a new repository of two linked collections, as stock git and a first start make it. */
export async function blankDisk(): Promise<FaultyDisk> {
  const template = templateFolder(CONFIGURATION, SCHEMAS);
  const { data, close } = await openTestStore({ template, clock: () => NOW });
  await close();
  return FaultyDisk.holding(data, "/data");
}
