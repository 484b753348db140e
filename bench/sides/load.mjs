// The clients of a server: a process of their own, with keep-alive connections.
import { nameOf, sampleName } from "../documents.mjs";
import { Connection } from "../http.mjs";
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
  const headers = key === undefined ? "" : `X-API-Key: ${key}\r\n`;
  let clients = [];
  /** Connects anew: a server closes connections that were idle for a while, as they are between two rounds. */
  const connected = (measure) => async (milliseconds) => {
    clients = await Promise.all(Array.from({ length: connections }, () => Connection.to(url, headers)));
    try {
      return await measure(milliseconds);
    } finally {
      for (const client of clients) client.close();
    }
  };
  const patchOf = ({ collection, id }, notes) => ({ body: { [collection]: { [id]: { notes } } } });
  const startRun = async (client) => JSON.parse((await client.request("POST", RUNS, {})).toString("utf8")).id;
  const runs = [];
  let count = 0;

  const patch = async (number) => {
    runs[number] ??= await startRun(clients[number]);
    await clients[number].request(
      "PATCH",
      `/runs/${runs[number]}`,
      patchOf(sampleName(number, documents), `patch ${++count}`),
    );
  };
  const cycle = async (number) => {
    const client = clients[number];
    const run = await startRun(client);
    const name = sampleName(++count, documents);
    for (let step = 1; step <= 3; step++)
      await client.request("PATCH", `/runs/${run}`, patchOf(name, `step ${step} of ${run}`));
    await client.request("PATCH", `/runs/${run}`, { done: true });
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
      await clients[number].request("POST", RUNS, { done: true, body });
    });
  };
  const read = async (number) => {
    const { collection, id } = nameOf((++count * 7919) % documents, documents);
    await clients[number].request("GET", `/documents/${collection}/${id}`);
  };
  /** How long each request of one client took, in ms. */
  const latencies = async (milliseconds, paths) => {
    const found = [];
    await repeatFor(milliseconds, 1, async () => {
      const started = performance.now();
      await clients[0].request("GET", paths[found.length % paths.length]);
      found.push(performance.now() - started);
    });
    return found;
  };
  return {
    patches: connected((milliseconds) => repeatFor(milliseconds, connections, patch)),
    cycles: connected((milliseconds) => repeatFor(milliseconds, connections, cycle)),
    merges: connected(pacedMerges),
    reads: connected((milliseconds) => repeatFor(milliseconds, connections, read)),
    health: connected((milliseconds) => latencies(milliseconds, ["/healthz"])),
    lists: connected((milliseconds) => latencies(milliseconds, PAGES)),
  };
}
