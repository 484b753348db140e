// Bare undici: the requests that a Galaxy gets of us, and nothing done with the answers but to read them.
import { Pool } from "undici";
import { CONNECTIONS, IN_FLIGHT, READS, WORKFLOW } from "../galaxies.mjs";
import { repeatFor } from "../measure.mjs";

export async function open({ url, key, ids = [] }) {
  const pool = new Pool(url, { connections: CONNECTIONS });
  const headers = { "x-api-key": key, accept: "application/json" };
  /** The text of an answer, by the part of undici that costs least. */
  const ask = (method, path, value) =>
    new Promise((resolve, reject) => {
      const chunks = [];
      let status = 0;
      const body = value === undefined ? null : JSON.stringify(value);
      const sent = body === null ? headers : { ...headers, "content-type": "application/json" };
      pool.dispatch(
        { method, path, headers: sent, body },
        {
          onRequestStart: () => undefined,
          onResponseStart: (_controller, code) => (status = code),
          onResponseData: (_controller, chunk) => chunks.push(chunk),
          onResponseEnd: () => {
            const text = Buffer.concat(chunks).toString("utf8");
            if (status === 200) resolve(text);
            else reject(new Error(`${method} ${path} answered ${status}: ${text}`));
          },
          onResponseError: (_controller, error) => reject(error),
        },
      );
    });

  const look = async (id) => {
    await ask("GET", `/api/invocations/${id}`);
    await ask("GET", `/api/invocations/${id}/jobs_summary`);
  };
  const search = new URLSearchParams({ search: `name:'${WORKFLOW}'`, skip_step_counts: "true", limit: "200" });
  const [{ id: workflow }] = JSON.parse(await ask("GET", `/api/workflows?${search}`));
  let count = 0;
  const invoke = async () => {
    await ask("GET", `/api/workflows?${search}`);
    await ask("GET", `/api/workflows/${workflow}`);
    const made = await ask("POST", "/api/histories", { name: `bare ${++count}` });
    await ask("POST", `/api/workflows/${workflow}/invocations`, {
      history_id: JSON.parse(made).id,
      inputs: { 0: READS },
      inputs_by: "step_index",
      require_exact_tool_versions: true,
      parameters: {},
    });
  };
  return {
    /** How long (ms) it took each time to look at all invocations. */
    looks: async (milliseconds) => {
      const found = [];
      for (const begun = performance.now(); performance.now() - begun < milliseconds;) {
        const [started, rest] = [performance.now(), ids.values()];
        const worker = async () => {
          for (const id of rest) await look(id);
        };
        await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
        found.push(performance.now() - started);
      }
      return found;
    },
    invokes: (milliseconds) => repeatFor(milliseconds, IN_FLIGHT, invoke),
    close: () => pool.close(),
  };
}
