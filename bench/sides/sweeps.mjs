// Sweeps over live invocations by the work on a Galaxy in this process, over a store of its own.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { forward, openWork } from "../galaxies.mjs";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");

/** One of so many invocations changes from sweep to sweep. */
const SHARE = 100;
const AT_ONCE = 64;

function expect(found, wanted, what) {
  if (found !== wanted) throw new Error(`${found} ${what} in place of ${wanted}`);
}

/** Has so many workflows invoked. */
export async function open({ data, url, key, live }) {
  const work = await openWork(data, { url, key });
  const ids = [];
  const left = Array.from({ length: live }).keys();
  const invoke = async () => {
    for (const _ of left) ids.push(await work.invoke());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, invoke));
  await work.sweep();

  /** How long (ms) a sweep took. It has to ask for all there is, and to write as often as is expected. */
  const sweep = async (parts) => {
    const { requests: before } = await forward(url, parts);
    const [appends, started] = [work.appends(), performance.now()];
    await work.sweep();
    const milliseconds = performance.now() - started;
    const { requests } = await forward(url, 0);
    expect(requests.show - before.show, live, "invocations were looked at");
    expect(requests.summary - before.summary, live, "summaries were asked for");
    expect(work.appends() - appends, parts === 0 ? 0 : 1, "durable writes were made");
    return milliseconds;
  };
  const rest = async () => {
    // What was written is settled a moment later.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    collect();
    const { heapUsed, rss } = process.memoryUsage();
    return { heap: heapUsed, rss };
  };
  return {
    ids: () => ids,
    sweeps: async (milliseconds) => {
      const found = [];
      for (const started = performance.now(); performance.now() - started < milliseconds;)
        found.push(await sweep(SHARE));
      return found;
    },
    /** How long a sweep takes that finds nothing new. */
    quiet: () => sweep(0),
    /** What memory is used after so many sweeps, as far as it is not garbage. */
    memory: async (times) => {
      for (let done = 0; done < times; done++) await sweep(SHARE);
      return rest();
    },
    close: work.close,
  };
}
