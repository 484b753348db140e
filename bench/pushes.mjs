// Rows: what a push to the Git door costs, one of many runs, and a clone from it, beside a bare `git http-backend`.
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { byTurns, measurementsOf, median } from "./measure.mjs";
import { git, STOCK } from "./processes.mjs";
import { row } from "./rows.mjs";

export const names = ["push:http-backend", "push-50", "fetch:http-backend"];

const DOCUMENTS = { quick: 10_000, full: 100_000 };
/** What is cloned is what `clone:plain` has. */
const CLONED_DOCUMENTS = 2000;
const CLOSED = { quick: 3000, full: 30_000 };
const HTTP_BACKEND = "a bare git http-backend";

const run = promisify(execFile);

/** Measures the wanted rows, each with servers of its own. */
export async function measure({ wanted, quick, ...bench }) {
  const form = quick ? "quick" : "full";
  const rows = [];
  if (wanted.includes("push:http-backend")) rows.push(await single(DOCUMENTS[form], bench));
  await bench.opening.end();
  if (wanted.includes("push-50")) rows.push(await fifty(DOCUMENTS[form], bench));
  await bench.opening.end();
  if (wanted.includes("fetch:http-backend")) rows.push(await clones(CLOSED[form], bench));
  return rows;
}

/** The median of the times that rounds found; NaN when there are none. */
function typical(rounds = []) {
  return median(rounds.flat());
}

async function single(documents, bench) {
  const ours = pushes(await door({ documents }, bench), documents, bench);
  const bare = pushes(await httpBackend({ documents }, bench), documents, bench);
  const found = await byTurns(await measurementsOf({ ours: [ours, "one"], bare: [bare, "one"] }), bench.plan);
  return row("push:http-backend", {
    ours: typical(found.ours),
    reference: HTTP_BACKEND,
    value: typical(found.bare),
    durable: true,
  });
}

async function fifty(documents, bench) {
  const ours = pushes(await door({ documents }, bench), documents, bench);
  const found = await byTurns(await measurementsOf({ fifty: [ours, "fifty"], one: [ours, "one"] }), bench.plan);
  return row("push-50", {
    ours: typical(found.fifty),
    reference: "a push of one run",
    value: typical(found.one),
    durable: true,
  });
}

async function clones(closed, bench) {
  const content = { documents: CLONED_DOCUMENTS, closed, kept: closed / 5, changing: true };
  const servers = { ours: await door(content, bench), bare: await httpBackend(content, bench) };
  const open = Object.entries(servers).filter(([, server]) => server !== null);
  const clone =
    ({ url }) =>
    async () => {
      const target = bench.workspace.path("clone");
      const started = performance.now();
      await run("git", ["-c", "protocol.version=2", "clone", "--quiet", "--bare", url, target], { env: STOCK });
      const milliseconds = performance.now() - started;
      rmSync(target, { recursive: true });
      return [milliseconds];
    };
  const found = await byTurns(Object.fromEntries(open.map(([name, server]) => [name, clone(server)])), bench.plan);
  return row("fetch:http-backend", {
    ours: typical(found.ours),
    reference: HTTP_BACKEND,
    value: typical(found.bare),
    durable: false,
  });
}

/** A server of ours with this content: where its repository is, by path and by URL; null when it did not come up. */
async function door(content, { workspace, opening }) {
  const data = await workspace.copy(content);
  const server = await opening.server(data);
  return server === null ? null : { folder: join(data, "repo.git"), url: `${server.url}/git/repo.git`, judged: true };
}

/** The same of a bare `git http-backend`, its repository one that git would have made. */
async function httpBackend(content, { workspace, opening }) {
  const data = await workspace.copy(content);
  const folder = join(data, "repo.git");
  for (const name of ["config", "hooks", "runtree"]) rmSync(join(folder, name), { recursive: true });
  git(["init", "--quiet", "--bare", "--template=", folder]);
  git(["--git-dir", folder, "config", "http.receivepack", "true"]);
  const side = await opening.side("http-backend", { folder: data });
  return side === null ? null : { folder, url: `${await side.call("url")}/git/repo.git`, judged: false };
}

/** A client with a clone of what a server has; null when the server is not there. */
async function pushes(server, documents, { workspace, opening }) {
  if (server === null) return null;
  const clone = workspace.path("clone");
  git(["clone", "--quiet", "--bare", server.folder, clone]);
  return opening.side("pushes", { ...server, clone, documents });
}
