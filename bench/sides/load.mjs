// The clients of a server: a process of their own, with keep-alive connections.
import { Clients } from "../clients.mjs";
import { nameOf, sampleName } from "../documents.mjs";
import { repeatFor } from "../measure.mjs";

const RUNS = "/jobs/custom/runs";

/** How many merges a second the clients of `merges` ask for. */
const MERGES_PER_SECOND = 200;

/** Pages of runs that a person would ask for, each by another filter. */
const PAGES = [
  "status=success",
  "status=failed",
  "pipeline_name=pipeline-7",
  "contract_id=contract-42",
  "has_warnings=true",
  "start_date=2025-03-01T00:00:00Z&end_date=2025-03-08T00:00:00Z",
  "status=success&pipeline_name=pipeline-3&start_date=2025-06-01T00:00:00Z",
].map((query) => `/runs?${query}`);

/** Makes so many clients, with a key where one is given. `documents` is how many the server's repository has. */
export async function open({ url, connections, documents, key }) {
  const clients = new Clients(url, connections, key === undefined ? "" : `X-API-Key: ${key}\r\n`);
  const patchOf = ({ collection, id }, notes) => ({ body: { [collection]: { [id]: { notes } } } });
  const startRun = async (number) => JSON.parse((await clients.request(number, "POST", RUNS, {})).toString("utf8")).id;
  const runs = [];
  let count = 0;

  const patch = async (number) => {
    runs[number] ??= await startRun(number);
    const value = patchOf(sampleName(number, documents), `patch ${++count}`);
    await clients.request(number, "PATCH", `/runs/${runs[number]}`, value);
  };
  const cycle = async (number) => {
    const run = await startRun(number);
    const name = sampleName(++count, documents);
    for (let step = 1; step <= 3; step++)
      await clients.request(number, "PATCH", `/runs/${run}`, patchOf(name, `step ${step} of ${run}`));
    await clients.request(number, "PATCH", `/runs/${run}`, { done: true });
  };
  /** Merges that begin at an even pace, as far as they are done in time; how many the server did. */
  const pacedMerges = async (milliseconds) => {
    const started = performance.now();
    let begun = 0;
    return repeatFor(milliseconds, connections, async (number) => {
      const due = (begun++ * 1000) / MERGES_PER_SECOND;
      const early = due - (performance.now() - started);
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
      const { body } = patchOf(sampleName(++count, documents), `merge ${count}`);
      await clients.request(number, "POST", RUNS, { done: true, body });
    });
  };
  const read = async (number) => {
    const { collection, id } = nameOf((++count * 7919) % documents, documents);
    await clients.request(number, "GET", `/documents/${collection}/${id}`);
  };
  return {
    patches: clients.repeatedly(patch),
    cycles: clients.repeatedly(cycle),
    merges: clients.connected(pacedMerges),
    reads: clients.repeatedly(read),
    health: clients.latencies(() => ({ path: "/healthz" })),
    lists: clients.latencies(() => ({ path: PAGES[++count % PAGES.length] })),
  };
}
