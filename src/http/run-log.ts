import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { RuntreeError, systemCode } from "../domain/errors.ts";
import { logPath } from "../domain/layout.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import type { Answer, Stream } from "./handler.ts";
import type { LogFollowers } from "./log-followers.ts";

/** How often (ms) is looked whether a log that is followed has grown. */
const LOOK_MS = 100;

/** Bytes that are read at a time. */
const PIECE = 64 * 1024;

/** Where logs are read from: the folder they are kept below, and who follows them; null where there is no such thing. */
export interface LogReading {
  readonly root: string | null;
  readonly followers: LogFollowers | null;
}

export const NO_LOGS: LogReading = { root: null, followers: null };

/** Answers with what a run's process printed so far; `follow` goes on until the job has ended. Throws `not_found` where nothing is logged. */
export function runLogAnswer(
  { root, followers }: LogReading,
  store: Store,
  { record }: RunView,
  follow: boolean,
): Answer<string> {
  const path = root === null || record.log_path === undefined ? null : join(root, logPath(record.id));
  const file = path === null ? null : openLog(path);
  if (path === null || file === null) {
    const words =
      record.log_path === undefined
        ? `Run ${record.id} has no log: no process of this node worked on it.`
        : `The log of run ${record.id} is not here; logs are kept on the node that ran it, for as long as its retention says.`;
    throw new RuntreeError("not_found", words, { run_id: record.id });
  }
  const execution = store.executions.of(record.id);
  try {
    // Not every answer has its body sent; who has it sent opens the file again.
    if (follow && execution !== null && followers !== null)
      return { body: "", stream: following(path, execution.ended, followers) };
    const bytes = Buffer.alloc(fstatSync(file).size);
    return { body: bytes.subarray(0, readAt(file, bytes, 0)) };
  } finally {
    closeSync(file);
  }
}

/** A log for reading; null when there is none. */
function openLog(path: string): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw error;
  }
}

function readAt(file: number, into: Buffer, at: number): number {
  let read = 0;
  for (let more = -1; more !== 0 && read < into.length; read += more)
    more = readSync(file, into, read, into.length - read, at + read);
  return read;
}

/** Writes what a file has and gets, until what it belongs to has ended; then the rest. */
function following(path: string, ended: Promise<void>, followers: LogFollowers): Stream {
  return (response) => {
    const file = response.destroyed ? null : openLog(path);
    if (file === null) return void response.end();
    let [at, isOver] = [0, false];
    let timer: NodeJS.Timeout | undefined;
    const look = (): void => {
      timer = undefined;
      if (response.destroyed) return;
      const last = isOver;
      const piece = Buffer.alloc(Math.min(PIECE, fstatSync(file).size - at));
      const read = readAt(file, piece, at);
      at += read;
      if (read > 0 && response.write(piece.subarray(0, read))) setImmediate(look);
      else if (read > 0) followers.stands(response);
      else if (!last) timer = setTimeout(look, LOOK_MS);
      else {
        response.end();
        followers.stands(response);
      }
    };
    response.on("drain", () => {
      followers.reads(response);
      look();
    });
    response.once("close", () => {
      clearTimeout(timer);
      followers.reads(response);
      closeSync(file);
    });
    const finish = async (): Promise<void> => {
      await ended;
      isOver = true;
      if (timer === undefined) return;
      clearTimeout(timer);
      look();
    };
    look();
    void finish();
  };
}
