import { type ChildProcess, fork } from "node:child_process";
import fs from "node:fs";
import { type IncomingMessage, request as send, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RuntreeError } from "../domain/errors.ts";
import { ADVERTISEMENT_HEADERS, capabilitiesOf, receiveAdvertisement, withHaves } from "./advertisement.ts";
import type { Oid } from "./objects.ts";

/** In a source tree the helper runs from the build, as Node 20 cannot run TypeScript. */
const HELPER = new URL(
  import.meta.url.endsWith(".ts") ? "../../dist/git/backend-helper.js" : "./backend-helper.js",
  import.meta.url,
);

/** A git program of a server may have so many kB of memory: a small pack can say that it unpacks to very large objects. */
const BOUNDED = 'ulimit -d 1048576; exec "$@"';

/** What of a request git is told: only this, and four headers. */
export interface BackendRequest {
  /** Below the repository, with its query: `/info/refs?service=git-upload-pack`. */
  readonly path: string;
  readonly user: string;
  /** The id of the key that was given; empty without one. */
  readonly key: string;
  readonly address: string;
  /** What a push is told at first: refs, null to have git list them, and commits besides. */
  readonly told?: { readonly refs: ReadonlyMap<string, Oid> | null; readonly haves: readonly Oid[] };
  /** Names a push to the hooks. */
  readonly way?: string;
  /** Waited for when git has answered, before the answer ends. */
  readonly beforeEnd?: () => Promise<void>;
}

/** The process that runs git, the folder of its socket, and that socket once it listens. */
interface Helper {
  readonly process: ChildProcess;
  readonly folder: string;
  readonly ready: Promise<string>;
}

/** The headers that git looks at. */
const HEADERS = ["content-type", "content-length", "content-encoding", "git-protocol"] as const;

/** Headers that are about the connection to the helper: who asked has another, and perhaps an older HTTP. */
const HOP_BY_HOP = ["connection", "keep-alive", "transfer-encoding"] as const;

/**
 * Serves a bare repository by `git http-backend`, from a small process of its own: to begin a process stops the one
 * that does it for as long as its memory is large. It is started early, and again should it end.
 */
export class GitBackend {
  readonly #program: string;
  readonly #gitDir: string;
  readonly #report: (message: string) => void;
  #helper: Helper | null;
  /** What this git can do when it is pushed to, as it said the first time: to ask it again would take two programs. */
  #capabilities: string | null = null;

  /** `program` is git's absolute path; `report` hears what git said when it failed. */
  constructor(program: string, gitDir: string, report: (message: string) => void) {
    this.#program = program;
    this.#gitDir = gitDir;
    this.#report = report;
    this.#helper = this.#begin();
  }

  #begin(): Helper {
    // The path of a socket may have some hundred characters; only its owner may connect.
    const folder = fs.mkdtempSync(join(tmpdir(), "runtree-git-"));
    const socket = join(folder, "socket");
    const helper = fork(HELPER, [socket, this.#program, this.#gitDir], {
      execPath: "/bin/sh",
      execArgv: ["-c", BOUNDED, "sh", process.execPath],
      env: {},
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      detached: true,
    });
    const ready = new Promise<string>((resolve, reject) => {
      helper.on("message", (told: { listening?: true; said?: string }) => {
        if (told.listening === true) resolve(socket);
        if (told.said !== undefined) this.#report(told.said);
      });
      const ended = (why: unknown): void => {
        fs.rmSync(folder, { recursive: true, force: true });
        if (this.#helper?.process === helper) this.#helper = null;
        reject(new RuntreeError("busy", "git cannot be served just now; try again.", {}, why));
      };
      helper.on("error", ended).on("exit", ended);
    });
    ready.catch(() => undefined);
    helper.unref();
    helper.channel?.unref();
    return { process: helper, folder, ready };
  }

  /** Answers a request whose body nobody has read. Resolves when the answer was sent. Throws `busy` when nothing was sent. */
  async answer(
    { path, user, key, address, told, way, beforeEnd }: BackendRequest,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const refs = request.headers["git-protocol"] === "version=1" ? null : (told?.refs ?? null);
    if (told !== undefined && refs !== null && this.#capabilities !== null) {
      response.writeHead(200, ADVERTISEMENT_HEADERS);
      return void response.end(receiveAdvertisement(this.#capabilities, refs, told.haves));
    }
    const socketPath = await (this.#helper ??= this.#begin()).ready;
    const headers: Record<string, string> = {
      "x-runtree-user": encodeURIComponent(user),
      "x-runtree-key": key,
      "x-runtree-address": address,
      "x-runtree-way": way ?? "",
    };
    for (const name of HEADERS) if (request.headers[name] !== undefined) headers[name] = String(request.headers[name]);
    await new Promise<void>((resolve, reject) => {
      const asked = send({ socketPath, path, method: request.method, headers }, (answer) => {
        for (const name of HOP_BY_HOP) delete answer.headers[name];
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.on("error", () => response.destroy());
        if (beforeEnd !== undefined) {
          answer.pipe(response, { end: false });
          return void answer.on("end", () => void beforeEnd().finally(() => response.end()));
        }
        if (told === undefined) return void answer.pipe(response);
        const pieces: Buffer[] = [];
        answer.on("data", (piece: Buffer) => pieces.push(piece));
        answer.on("end", () => {
          const advertisement = Buffer.concat(pieces);
          this.#capabilities ??= capabilitiesOf(advertisement);
          response.end(withHaves(advertisement, told.haves));
        });
      });
      asked.on("error", (error) => {
        if (response.headersSent) response.destroy();
        else reject(new RuntreeError("busy", "git cannot be served just now; try again.", {}, error));
      });
      response.on("close", () => {
        asked.destroy();
        resolve();
      });
      request.on("error", () => asked.destroy());
      request.pipe(asked);
    });
  }

  /** Ends the process, and the git programs with what they serve. */
  async close(): Promise<void> {
    const helper = this.#helper;
    this.#helper = null;
    if (helper === null) return;
    fs.rmSync(helper.folder, { recursive: true, force: true });
    if (helper.process.exitCode !== null || !helper.process.connected) return;
    const ended = new Promise((resolve) => helper.process.once("exit", resolve));
    helper.process.ref();
    helper.process.disconnect();
    await ended;
  }
}
