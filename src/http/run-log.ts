import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { RuntreeError, systemCode } from "../domain/errors.ts";
import { logPath } from "../domain/layout.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import type { Answer, Stream } from "./handler.ts";

/** How often (ms) is looked whether a log that is followed has grown. */
const LOOK_MS = 100;

/** Bytes that are read at a time. */
const PIECE = 256 * 1024;

/** Answers with what a run's process printed so far; `follow` goes on until the job has ended. Throws `not_found` where nothing is logged. */
export function runLogAnswer(root: string | null, store: Store, { record }: RunView, follow: boolean): Answer<string> {
  const file = root === null || record.log_path === undefined ? null : openLog(join(root, logPath(record.id)));
  if (file === null) {
    const words =
      record.log_path === undefined
        ? `Run ${record.id} has no log: no process of this node worked on it.`
        : `The log of run ${record.id} is not here; logs are kept on the node that ran it, for as long as its retention says.`;
    throw new RuntreeError("not_found", words, { run_id: record.id });
  }
  const execution = store.executions.of(record.id);
  if (follow && execution !== null) return { body: "", stream: following(file, execution.ended) };
  try {
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
function following(file: number, ended: Promise<void>): Stream {
  return (response) => {
    const piece = Buffer.alloc(PIECE);
    let [at, isOver] = [0, false];
    let timer: NodeJS.Timeout | undefined;
    const look = (): void => {
      clearTimeout(timer);
      if (response.destroyed) return;
      const last = isOver;
      const read = readAt(file, piece, at);
      at += read;
      if (read > 0 && !response.write(Buffer.from(piece.subarray(0, read)))) response.once("drain", look);
      else if (read > 0) setImmediate(look);
      else if (last) response.end();
      else timer = setTimeout(look, LOOK_MS);
    };
    response.once("close", () => {
      clearTimeout(timer);
      closeSync(file);
    });
    const finish = async (): Promise<void> => {
      await ended;
      isOver = true;
      look();
    };
    void finish();
    look();
  };
}
