import { execFile } from "node:child_process";
import fs from "node:fs";
import { Socket } from "node:net";
import { basename } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { systemCode } from "../domain/errors.ts";
import { isRunId } from "../domain/run-id.ts";
import { ioError, replaceFile } from "./files.ts";
import { ObjectFolder } from "./object-folder.ts";
import { isOid, type Oid, type ReadObject } from "./objects.ts";

/** A branch of a run that a push makes or moves; null where there is none yet. */
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
  readonly moves: readonly PushedMove[];
  /** Reads what was sent and is not in the repository yet; null when it has no such object. */
  readonly sent: ReadObject;
}

/** Whether a push is let in, and what is told to whoever pushes, line by line. */
export interface PushAnswer {
  readonly ok: boolean;
  readonly lines: readonly string[];
}

export type AnswerPush = (question: PushQuestion) => Promise<PushAnswer>;

/** How long (ms) a hook is waited for to take its answer, and how long between two looks. */
const TAKE_MS = 10_000;
const LOOK_MS = 1;

/** Bytes of what was sent that are kept in memory while it is looked at. */
const SENT_BYTES = 32 * 1024 * 1024;

/**
 * Where the hooks of a bare repository find the server (`src/git/hooks`): a folder with a pipe they ask by, and the
 * number of the process that listens. A question lies in a folder of its own, with a pipe for the answer: plain sh can
 * do all of that, also for a push that comes by path or ssh.
 */
export class PushDoor {
  readonly #folder: string;
  readonly #objects: string;
  readonly #answer: AnswerPush;
  readonly #report: (message: string) => void;
  readonly #asked: Socket;
  readonly #working = new Set<Promise<void>>();
  #text = "";

  /** Opens the door of a repository on the machine's disk. `report` hears of questions that could not be answered. Throws `io_failed`. */
  static async open(gitDir: string, answer: AnswerPush, report: (message: string) => void): Promise<PushDoor> {
    const folder = `${gitDir}/runtree/door`;
    try {
      // Questions of an earlier life have nobody who waits for them.
      fs.rmSync(folder, { recursive: true, force: true });
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
      await promisify(execFile)("mkfifo", ["-m", "600", `${folder}/ask`]);
      // Open for writing, too, so that it does not end when a hook has asked.
      const file = fs.openSync(`${folder}/ask`, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
      const door = new PushDoor(gitDir, new Socket({ fd: file, readable: true, writable: false }), answer, report);
      replaceFile(fs, `${folder}/pid`, Buffer.from(`${process.pid}\n`));
      return door;
    } catch (error) {
      throw ioError(error, "opening the door for pushes", folder);
    }
  }

  private constructor(gitDir: string, asked: Socket, answer: AnswerPush, report: (message: string) => void) {
    this.#folder = `${gitDir}/runtree/door`;
    this.#objects = `${gitDir}/objects`;
    this.#answer = answer;
    this.#report = report;
    this.#asked = asked;
    asked.on("data", (bytes: Buffer) => this.#hear(bytes.toString("latin1")));
    asked.on("error", (error) => report(`the door for pushes is broken: ${error.message}`));
  }

  /** Each line names a question. */
  #hear(text: string): void {
    const lines = `${this.#text}${text}`.split("\n");
    this.#text = lines.pop() ?? "";
    for (const name of lines.filter((line) => /^\d+\.(check|judge)$/.test(line))) {
      const work = this.#serve(name).catch((error: unknown) => {
        this.#report(`a push could not be answered: ${error instanceof Error ? error.message : String(error)}`);
      });
      this.#working.add(work);
      void work.then(() => this.#working.delete(work));
    }
  }

  async #serve(name: string): Promise<void> {
    const text = await fs.promises.readFile(`${this.#folder}/${name}/request`, "utf8");
    const lines = text.trimEnd().split("\n");
    const valueOf = (key: string): string =>
      lines.find((line) => line.startsWith(`${key} `))?.slice(key.length + 1) ?? "";
    const moves = lines.flatMap((line) => {
      const [kind, from = "", tip = "", run = ""] = line.split(" ");
      if (kind !== "move" || !isOid(from) || !isOid(tip) || !isRunId(run)) return [];
      return [{ run, from: /^0+$/.test(from) ? null : from, tip }];
    });
    const quarantine = basename(valueOf("quarantine"));
    const sent = quarantine === "" ? null : new ObjectFolder(fs, `${this.#objects}/${quarantine}`, SENT_BYTES);
    const kind = name.endsWith(".check") ? "check" : "judge";
    let answer: PushAnswer;
    try {
      const read: ReadObject = (oid) => sent?.read(oid) ?? null;
      answer = await this.#answer({ kind, pusher: valueOf("pusher"), key: valueOf("key"), moves, sent: read });
    } finally {
      sent?.close();
    }
    await this.#tell(`${this.#folder}/${name}/answer`, [answer.ok ? "ok" : "no", ...answer.lines].join("\n"));
  }

  /** Writes into a pipe as soon as somebody reads it; who went away hears nothing. */
  async #tell(pipe: string, text: string): Promise<void> {
    for (const since = performance.now(); performance.now() - since < TAKE_MS; await pause(LOOK_MS)) {
      let file: number;
      try {
        file = fs.openSync(pipe, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
      } catch (error) {
        if (systemCode(error) === "ENOENT") return;
        // Nobody has opened the other end yet.
        if (systemCode(error) === "ENXIO") continue;
        throw error;
      }
      const socket = new Socket({ fd: file, readable: false, writable: true });
      await new Promise<void>((resolve) => {
        socket.on("error", () => resolve());
        socket.on("close", () => resolve());
        socket.end(`${text}\n`);
      });
      return;
    }
  }

  /** Closes the door, and waits for the questions at work: from now on hooks find that nobody listens. */
  async close(): Promise<void> {
    fs.rmSync(`${this.#folder}/pid`, { force: true });
    this.#asked.destroy();
    await Promise.all(this.#working);
    // A pipe that stayed would be in the way of whoever copies the repository.
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}
