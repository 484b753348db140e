import type { IncomingMessage, ServerResponse } from "node:http";
import type Koa from "koa";
import { RuntreeError } from "../domain/errors.ts";
import { ATTIC, OPS } from "../domain/layout.ts";
import { isAtLeast, type Principal, type Role } from "../domain/roles.ts";
import type { KeyRing } from "../store/key-ring.ts";
import type { Store } from "../store/store.ts";
import { authenticate } from "./authenticate.ts";
import { problemReply, type Reply } from "./dispatch.ts";
import type { GitTurns } from "./git-turns.ts";
import type { PushAnswers } from "./push-answers.ts";

/** Where the repository is for stock git (WIRE §1, §8). */
export const GIT_PATH = "/git/repo.git";

/** What git asks for: the method, the path below the repository, and what the key of whoever asks must be allowed to. */
const ROUTES = [
  { method: "GET", path: "/info/refs" },
  { method: "POST", path: "/git-upload-pack" },
  { method: "POST", path: "/git-receive-pack" },
] as const;

/** The roles that the two services of git need; fetching counts as reading. */
const SERVICES: Readonly<Record<string, { readonly role: Role; readonly method: "GET" | "POST" }>> = {
  "git-upload-pack": { role: "reader", method: "GET" },
  "git-receive-pack": { role: "agent", method: "POST" },
};

/** Runs git for a request whose body nobody has read. */
export interface GitServing {
  answer(
    request: {
      readonly path: string;
      readonly user: string;
      readonly key: string;
      readonly address: string;
      readonly told?: { readonly refs: ReadonlyMap<string, string> | null; readonly haves: readonly string[] };
      readonly way?: string;
      readonly beforeEnd?: () => Promise<void>;
    },
    message: IncomingMessage,
    response: ServerResponse,
  ): Promise<void>;
}

export interface GitDoorParts {
  readonly backend: GitServing;
  readonly store: Pick<Store, "executions" | "repository" | "main" | "runs">;
  readonly ring: KeyRing;
  readonly anonymousRead: boolean;
  /** Knows a push from its beginning to its end. */
  readonly pushes: Pick<PushAnswers, "begin" | "end">;
  readonly turns: GitTurns;
  /** How long (s) a push may take to arrive. */
  readonly pushSeconds: number;
  /** Lets a principal in, or throws. */
  readonly admit: (context: Koa.Context, principal: Principal) => Promise<void>;
}

/** The routes of the Git door, each with what answers it. */
export function gitRoutes(parts: GitDoorParts): readonly {
  readonly method: string;
  readonly path: string;
  readonly answer: (context: Koa.Context) => Promise<void>;
}[] {
  return ROUTES.map(({ method, path }) => ({
    method,
    path: `${GIT_PATH}${path}`,
    answer: async (context) => {
      // The answer is git's to write, unless something goes wrong before that.
      context.respond = false;
      try {
        await answerGit(parts, context, path);
      } catch (error) {
        context.respond = true;
        throw error;
      }
    },
  }));
}

/** So many open runs are told of from here; more are left to git, in a process of its own. */
const MOST_TOLD = 200;

/** The refs that whoever pushes is told of: without the results, of which there may be very many. */
function refsTold({ repository, runs }: GitDoorParts["store"]): Map<string, string> | null {
  if (runs.openCount() > MOST_TOLD) return null;
  const others = [OPS, ATTIC].flatMap((ref) => {
    const oid = repository.ref(ref);
    return oid === null ? [] : [[ref, oid] as const];
  });
  return new Map([...repository.refs("refs/heads/"), ...repository.refs("refs/tags/"), ...others]);
}

async function answerGit(parts: GitDoorParts, context: Koa.Context, path: string): Promise<void> {
  const { backend, store, ring, anonymousRead, pushes, turns, pushSeconds, admit } = parts;
  const name = path === "/info/refs" ? String(context.query["service"] ?? "") : path.slice(1);
  const service = Object.hasOwn(SERVICES, name) ? SERVICES[name] : undefined;
  if (service === undefined) {
    throw new RuntreeError("bad_request", "Only smart HTTP is spoken here: ask with git 1.6.6 or newer.");
  }
  const principal = authenticate(ring, store.executions, service, context.headers, anonymousRead);
  context.state["principal"] = principal.name;
  await admit(context, principal);
  if (principal.onlyRun !== undefined && service.role !== "reader") {
    const words = `This token is good for run ${principal.onlyRun} only, over HTTP; it cannot push.`;
    throw new RuntreeError("forbidden", words, { run_id: principal.onlyRun });
  }
  if (!isAtLeast(principal.role, service.role)) {
    const words = `Pushing needs a key with the role ${service.role}; that of ${principal.name} is ${principal.role}.`;
    throw new RuntreeError("forbidden", words, { role: service.role });
  }
  const giveBack = await turns.take(principal, context.ip);
  context.res.once("close", giveBack);
  // Who went away while waiting is answered no more.
  if (context.res.destroyed) return giveBack();
  // git is to see all that was acknowledged before it asked.
  await store.repository.settle();
  const late = setTimeout(() => context.req.destroy(), pushSeconds * 1000);
  const inTime = (): void => clearTimeout(late);
  context.req.once("end", inTime).once("close", inTime);
  // Who was answered before all was read neither ends nor closes a request.
  context.res.once("close", inTime);
  const query = path === "/info/refs" ? `?service=${name}` : "";
  const asked = { path: `${path}${query}`, user: principal.name, key: principal.key ?? "", address: context.ip };
  if (service.role === "reader") return backend.answer(asked, context.req, context.res);
  if (query !== "") {
    // Of a `main` that has moved on a client knows an older commit, and need not send what that has.
    const told = { refs: refsTold(store), haves: store.main.history.milestones() };
    return backend.answer({ ...asked, told }, context.req, context.res);
  }
  const way = pushes.begin();
  // And again all that became of a push before it ends.
  const beforeEnd = async (): Promise<void> => store.repository.settle().catch(() => undefined);
  try {
    await backend.answer({ ...asked, way, beforeEnd }, context.req, context.res);
  } finally {
    pushes.end(way);
  }
}

/** An error as stock git shows it to people: it asks for a name and a password at a challenge for Basic, and prints plain text. */
export function gitReply(error: unknown, requestId: string, agent: string): Reply {
  const reply = problemReply(error, requestId, null);
  const challenge = reply.status === 401 ? { "WWW-Authenticate": 'Basic realm="runtree", charset="UTF-8"' } : {};
  const headers = { ...reply.headers, ...challenge };
  if (!agent.startsWith("git/") || !(error instanceof RuntreeError)) return { ...reply, headers };
  return {
    ...reply,
    headers: { ...headers, "Content-Type": "text/plain; charset=utf-8" },
    body: Buffer.from(`runtree: ${error.message}\n`),
  };
}
