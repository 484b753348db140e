import type { IncomingMessage, ServerResponse } from "node:http";
import type Koa from "koa";
import { RuntreeError } from "../domain/errors.ts";
import { isAtLeast, type Principal, type Role } from "../domain/roles.ts";
import type { KeyRing } from "../store/key-ring.ts";
import type { Store } from "../store/store.ts";
import { authenticate } from "./authenticate.ts";
import { problemReply, type Reply } from "./dispatch.ts";

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
      readonly haves?: readonly string[];
    },
    message: IncomingMessage,
    response: ServerResponse,
  ): Promise<void>;
}

export interface GitDoorParts {
  readonly backend: GitServing;
  readonly store: Pick<Store, "repository" | "main">;
  readonly ring: KeyRing;
  readonly anonymousRead: boolean;
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
    answer: async (context) => answerGit(parts, context, path),
  }));
}

async function answerGit(parts: GitDoorParts, context: Koa.Context, path: string): Promise<void> {
  const { backend, store, ring, anonymousRead, pushSeconds, admit } = parts;
  const name = path === "/info/refs" ? String(context.query["service"] ?? "") : path.slice(1);
  const service = Object.hasOwn(SERVICES, name) ? SERVICES[name] : undefined;
  if (service === undefined) {
    throw new RuntreeError("bad_request", "Only smart HTTP is spoken here: ask with git 1.6.6 or newer.");
  }
  const principal = authenticate(ring, service, context.headers, anonymousRead);
  context.state["principal"] = principal.name;
  await admit(context, principal);
  if (!isAtLeast(principal.role, service.role)) {
    const words = `Pushing needs a key with the role ${service.role}; that of ${principal.name} is ${principal.role}.`;
    throw new RuntreeError("forbidden", words, { role: service.role });
  }
  // git is to see all that was acknowledged before it asked.
  await store.repository.settle();
  const late = setTimeout(() => context.req.destroy(), pushSeconds * 1000);
  const inTime = (): void => clearTimeout(late);
  context.req.once("end", inTime).once("close", inTime);
  // Who was answered before all was read neither ends nor closes a request.
  context.res.once("close", inTime);
  context.respond = false;
  const query = path === "/info/refs" ? `?service=${name}` : "";
  const asked = { path: `${path}${query}`, user: principal.name, key: principal.key ?? "", address: context.ip };
  // Of a `main` that has moved on a client knows an older commit, and need not send what that has.
  const advertises = service.role !== "reader" && query !== "";
  const haves = advertises ? { haves: store.main.history.milestones() } : {};
  await backend.answer({ ...asked, ...haves }, context.req, context.res);
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
