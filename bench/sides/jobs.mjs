// The clients of a server's queue: they make jobs of one template, look at the queue and order it anew.
import { Clients } from "../clients.mjs";
import { follow } from "../following.mjs";
import { repeatFor } from "../measure.mjs";

const TEMPLATE = "nothing";
/** How many connections put jobs in the queue where that is not what is measured. */
const FILLING = 32;
/** How many jobs wait when a round of `dispatches` begins to count, about. */
const BATCH = 300;
/** How many jobs `reorders` puts first. */
const FIRST = 3;
/** One of so many views of the queue is read. */
const LOOKED_AT = 100;
/** How long (ms) after it the next job ends, or the queue has stopped. */
const STOPPED_MS = 10_000;

function expect(fits, what) {
  if (!fits) throw new Error(`the server's queue is not as it should be: ${what}`);
}

const jobOf = (number) => ({ template_id: TEMPLATE, params: { sample: `sample-${number}`, depth: number % 100 } });

/**
 * Makes a template of a command, and so many clients; `queued` jobs are put in the queue. The server of `dispatches` works
 * on them, that of the others does not.
 * @param {{ url: string, connections: number, command: string, queued?: number, dispatching?: boolean }} options
 */
export async function open({ url, connections, command, queued = 0, dispatching = false }) {
  const clients = new Clients(url, connections);
  const filling = new Clients(url, FILLING);
  let count = 0;
  let ended = 0;
  let heard = () => undefined;
  const hear = (jobs) => {
    ended += jobs;
    heard();
  };
  const following = dispatching ? await follow(url, "job.completed\n", hear) : null;

  const request = async (by, number, method, path, value) =>
    JSON.parse((await by.request(number, method, path, value)).toString("utf8"));
  /** Has the connections that fill the queue do so many things. */
  const share = filling.connected(async ({ times, work }) => {
    let begun = 0;
    const one = async (number) => {
      while (begun < times) await work(number, begun++);
    };
    await Promise.all(Array.from({ length: FILLING }, (_, number) => one(number)));
  });
  const fill = async (times) => {
    const ids = [];
    const work = async (number) => ids.push((await request(filling, number, "POST", "/jobs", jobOf(++count))).job_id);
    await share({ times, work });
    return ids;
  };
  const template = { template_id: TEMPLATE, executor: "process", command };
  await clients.connected(() => request(clients, 0, "POST", "/templates", template))();
  const ids = await fill(queued);

  /** Jobs of a queue that many wait in, until the last of them has ended; putting them there is not measured. */
  const dispatches = async (milliseconds) => {
    const round = { operations: 0, milliseconds: 0 };
    while (round.milliseconds < milliseconds) {
      const all = ended + BATCH;
      await fill(BATCH);
      const [before, started] = [ended, performance.now()];
      await new Promise((resolve, reject) => {
        let late;
        heard = () => {
          clearTimeout(late);
          if (ended >= all) return resolve();
          late = setTimeout(() => reject(new Error(`of ${BATCH} jobs ${all - ended} did not end well`)), STOPPED_MS);
        };
        heard();
      });
      round.milliseconds += performance.now() - started;
      round.operations += all - before;
    }
    return round;
  };
  /** How long it takes to put a job in a queue of always the same length: what came in a round is taken out behind it. */
  const single = async (milliseconds) => {
    const made = [];
    const check = (answer) => {
      const { job_id: id, status } = JSON.parse(answer.toString("utf8"));
      expect(status === "queued", `a new job is ${status}`);
      made.push(id);
    };
    const next = () => ({ method: "POST", path: "/jobs", value: jobOf(++count), check });
    const times = await clients.latencies(next)(milliseconds);
    const remove = (number, place) => filling.request(number, "DELETE", `/jobs/${made[place]}`);
    await share({ times: made.length, work: remove });
    return times;
  };
  const end = Buffer.from(`"total":${queued}}`);
  const view = () => ({
    path: "/queue",
    check: (answer) => {
      // To read each of them would leave more garbage here than a server makes that answers with it.
      expect(answer.subarray(-end.length).equals(end), "an answer has another end");
      if (++count % LOOKED_AT > 0) return;
      const { items, total } = JSON.parse(answer.toString("utf8"));
      expect(total === queued && items.length === 50, `${items.length} of ${total} jobs were shown`);
    },
  });
  const reorder = () => {
    const wanted = Array.from({ length: FIRST }, (_, place) => ids[(++count * 7919 + place) % ids.length]);
    const check = (answer) => {
      const { items } = JSON.parse(answer.toString("utf8"));
      const first = items.slice(0, FIRST).map(({ job_id: id }) => id);
      expect(String(first) === String(wanted), `${first} come first in place of ${wanted}`);
    };
    return { method: "POST", path: "/queue/reorder", value: { job_ids: wanted }, check };
  };
  return {
    enqueues: clients.connected((milliseconds) =>
      repeatFor(milliseconds, connections, (number) => clients.request(number, "POST", "/jobs", jobOf(++count))),
    ),
    dispatches,
    single,
    views: clients.latencies(view),
    reorders: clients.latencies(reorder),
    health: clients.latencies(() => ({ path: "/healthz" })),
    close: () => following?.destroy(),
  };
}
