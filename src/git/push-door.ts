import { execFile } from "node:child_process";
import fs from "node:fs";
import { Socket } from "node:net";
import { basename } from "node:path";
import { promisify } from "node:util";
import { systemCode } from "../domain/errors.ts";
import { isRunId } from "../domain/run-id.ts";
import { ioError, listFolder, replaceFile } from "./files.ts";
import { looseSizes } from "./loose.ts";
import { ObjectFolder } from "./object-folder.ts";
import { isOid, type Oid, type ReadObject } from "./objects.ts";

/** A branch of a run that a push makes (from null) or moves. */
export interface PushedMove {
  readonly run: string;
  readonly from: Oid | null;
  readonly tip: Oid;
}

/** What the hooks of a repository ask: may this be pushed, and, when git has moved the branches, what becomes of it. */
export interface PushQuestion {
  readonly kind: "check" | "judge";
  /** The name of a key, or `local`. */
  readonly pusher: string;
  /** The id of the key; empty where none was asked for. */
  readonly key: string;
  /** What names a push that the server itself serves; `path` for any other. */
  readonly way: string;
  readonly moves: readonly PushedMove[];
  /** Reads what was sent and is not in the repository yet; null when it has no such object. */
  readonly sent: ReadObject;
  /** Bytes of the largest object that was sent as a file of its own, and of all of these. */
  readonly sizes: { readonly largest: number; readonly total: number };
}

/** Whether a push is let in, and what is told to whoever pushes, line by line. */
export interface PushAnswer {
  readonly ok: boolean;
  readonly lines: readonly string[];
}

export type AnswerPush = (question: PushQuestion) => Promise<PushAnswer>;

/** Pushes that may be at work at a time. */
const SLOTS = 64;

/** How long (ms) a slot is left to a hook that says nothing more: it was ended. */
const LEFT_MS = 60_000;

/** What a pipe holds (pipe(7)). */
const PIPE_BYTES = 64 * 1024;

/** Bytes of what was sent that are kept in memory while it is looked at. */
const SENT_BYTES = 32 * 1024 * 1024;

const QUESTION = /^(check|judge|free) (\d{1,2})$/;

/**
 * Where the hooks of a bare repository find the server (`src/git/hooks/runtree-door`): a pipe they ask by, and slots,
 * which are pipes for one answer each. A hook takes a slot, writes its request beside it, asks, reads, and gives the slot
 * back: plain sh does that without starting a program, also for a push that comes by path or ssh (ADR 17).
 */
export class PushDoor {
  readonly #folder: string;
  readonly #objects: string;
  readonly #answer: AnswerPush;
  readonly #report: (message: string) => void;
  readonly #asked: Socket;
  readonly #slots: readonly Socket[];
  readonly #working = new Map<number, Promise<void>>();
  /** Taken slots where nothing was at work when they were looked at last, and who had taken them then. */
  readonly #idle = new Map<number, string>();
  readonly #sweeping: NodeJS.Timeout;
  #text = "";

  /** Opens the door of a repository on the machine's disk. `report` hears of questions that could not be answered. Throws `io_failed`. */
  static async open(gitDir: string, answer: AnswerPush, report: (message: string) => void): Promise<PushDoor> {
    const folder = `${gitDir}/runtree/door`;
    const pipes = [`${folder}/ask`, ...Array.from({ length: SLOTS }, (_, slot) => `${folder}/slots/${slot}`)];
    try {
      // Nobody waits for what an earlier life was asked.
      fs.rmSync(folder, { recursive: true, force: true });
      fs.mkdirSync(`${gitDir}/runtree/pushed`, { recursive: true });
      for (const name of ["slots", "taken", "requests"])
        fs.mkdirSync(`${folder}/${name}`, { recursive: true, mode: 0o700 });
      await promisify(execFile)("mkfifo", ["-m", "600", ...pipes]);
      const door = new PushDoor(
        gitDir,
        pipes.map((path, at) => openPipe(path, at === 0)),
        answer,
        report,
      );
      replaceFile(fs, `${folder}/pid`, Buffer.from(`${process.pid}\n`));
      return door;
    } catch (error) {
      throw ioError(error, "opening the door for pushes", folder);
    }
  }

  private constructor(
    gitDir: string,
    [asked, ...slots]: readonly Socket[],
    answer: AnswerPush,
    report: (message: string) => void,
  ) {
    this.#folder = `${gitDir}/runtree/door`;
    this.#objects = `${gitDir}/objects`;
    this.#answer = answer;
    this.#report = report;
    this.#asked = asked as Socket;
    this.#slots = slots;
    this.#asked.on("data", (bytes: Buffer) => this.#hear(bytes.toString("latin1")));
    for (const pipe of [this.#asked, ...slots])
      pipe.on("error", (error) => report(`the door for pushes is broken: ${error.message}`));
    this.#sweeping = setInterval(() => this.#sweep(), LEFT_MS).unref();
  }

  #hear(text: string): void {
    const lines = `${this.#text}${text}`.split("\n");
    this.#text = lines.pop() ?? "";
    for (const line of lines) {
      const [, kind, number = ""] = QUESTION.exec(line) ?? [];
      const slot = Number(number);
      if (kind === "check" || kind === "judge") this.#begin(kind, slot);
      else if (kind === "free") this.#free(slot);
    }
  }

  #begin(kind: PushQuestion["kind"], slot: number): void {
    const work = this.#tell(kind, slot).finally(() => this.#working.delete(slot));
    this.#working.set(slot, work);
  }

  async #tell(kind: PushQuestion["kind"], slot: number): Promise<void> {
    let answer: PushAnswer;
    try {
      answer = await this.#serve(kind, slot);
    } catch (error) {
      this.#report(`a push could not be answered: ${error instanceof Error ? error.message : String(error)}`);
      answer = { ok: false, lines: ["runtree: the server failed on this push, its log says why; push again"] };
    }
    this.#slots[slot]?.write([...answer.lines, `answer ${answer.ok ? "ok" : "no"}\n`].join("\n"));
  }

  async #serve(kind: PushQuestion["kind"], slot: number): Promise<PushAnswer> {
    const lines = fs.readFileSync(`${this.#folder}/requests/${slot}`, "utf8").trimEnd().split("\n");
    const valueOf = (name: string): string =>
      lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? "";
    const moves = lines.flatMap((line) => {
      const [word, from = "", tip = "", run = ""] = line.split(" ");
      if (word !== "move" || !isOid(from) || !isOid(tip) || !isRunId(run)) return [];
      return [{ run, from: /^0+$/.test(from) ? null : from, tip }];
    });
    const asked = { kind, pusher: valueOf("pusher"), key: valueOf("key"), way: valueOf("way"), moves };
    const quarantine = basename(valueOf("quarantine"));
    if (quarantine === "") return this.#answer({ ...asked, sent: () => null, sizes: { largest: 0, total: 0 } });
    const folder = `${this.#objects}/${quarantine}`;
    const objects = new ObjectFolder(fs, folder, SENT_BYTES);
    try {
      return await this.#answer({ ...asked, sent: (oid) => objects.read(oid), sizes: looseSizes(fs, folder) });
    } finally {
      objects.close();
    }
  }

  #free(slot: number): void {
    this.#idle.delete(slot);
    fs.rmSync(`${this.#folder}/taken/${slot}`, { force: true });
  }

  /** Gives back the slots of hooks that were ended before they did: since the last look nothing was asked there. */
  #sweep(): void {
    for (const { name } of listFolder(fs, `${this.#folder}/taken`)) {
      const slot = Number(name);
      const taken = fs.statSync(`${this.#folder}/taken/${name}`, { throwIfNoEntry: false });
      if (taken === undefined || this.#working.has(slot)) continue;
      const stamp = `${taken.ino} ${taken.mtimeMs}`;
      if (this.#idle.get(slot) !== stamp) this.#idle.set(slot, stamp);
      else if (this.#drain(slot)) this.#free(slot);
    }
  }

  /** Reads what a hook left of its answer, so that the next one does not; false while there is more to come. */
  #drain(slot: number): boolean {
    const file = fs.openSync(`${this.#folder}/slots/${slot}`, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    const left = Buffer.alloc(PIPE_BYTES);
    try {
      while (fs.readSync(file, left) > 0);
    } catch (error) {
      if (systemCode(error) !== "EAGAIN") throw error;
    } finally {
      fs.closeSync(file);
    }
    return this.#slots[slot]?.writableLength === 0;
  }

  /** Closes the door, and waits for the questions at work: from now on hooks find that nobody listens. */
  async close(): Promise<void> {
    clearInterval(this.#sweeping);
    fs.rmSync(`${this.#folder}/pid`, { force: true });
    await Promise.all(this.#working.values());
    for (const pipe of [this.#asked, ...this.#slots]) pipe.destroy();
    // Pipes that stayed would be in the way of whoever copies the repository.
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Opens both ends of a pipe, to use one: so that opening does not wait for a hook, nor the pipe end when a hook has gone. */
function openPipe(path: string, readable: boolean): Socket {
  const file = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
  return new Socket({ fd: file, readable, writable: !readable });
}
