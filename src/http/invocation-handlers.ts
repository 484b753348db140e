import { cancelJob } from "../actions/cancel-job.ts";
import type { Wire } from "../contract/wire.ts";
import { RuntreeError } from "../domain/errors.ts";
import type { RunRecord } from "../domain/run.ts";
import type { Store } from "../store/store.ts";
import type { Answer, Handlers } from "./handler.ts";
import { badCursor, pageLinks, pageMembers, pageOf } from "./paging.ts";
import { presentInvocation } from "./present-invocation.ts";

/** The run of an invocation, by the id that Galaxy gave. Throws `not_found`, `ambiguous` for one of several Galaxies. */
function requireInvocation(store: Store, id: string, server: string | undefined): RunRecord {
  const found = store.runs.ofInvocation(id, server).flatMap((run) => store.runs.view(run)?.record ?? []);
  const [only] = found;
  if (only === undefined)
    throw new RuntreeError("not_found", `There is no invocation ${id} here.`, { invocation_id: id });
  if (found.length === 1) return only;
  const servers = found.map(({ invocation }) => invocation?.server ?? "");
  const words = `There are invocations ${id} on ${servers.join(" and ")}; say ?server= which is meant.`;
  throw new RuntreeError("ambiguous", words, { invocation_id: id, servers });
}

function invocationAnswer(store: Store, record: RunRecord): Answer<Wire<"invocation#Invocation">> {
  const body = presentInvocation(store, record);
  if (body === null) throw new TypeError(`run ${record.id} has no invocation`);
  return { body };
}

/** Makes the handlers of invocations. */
export function invocationHandlers(): Pick<Handlers, "listInvocations" | "getInvocation" | "cancelInvocation"> {
  return {
    listInvocations: async ({ store, query, prefix }) => {
      const page = pageOf(query);
      const { dataset_id, server } = query;
      const filter = {
        executor: "galaxy",
        ...(dataset_id === undefined ? {} : { dataset_id }),
        ...(server === undefined ? {} : { server }),
      };
      const selected = store.runs.select(filter, page);
      if (selected === null) throw badCursor();
      const found = { total: selected.total, last: selected.more ? (selected.ids.at(-1) ?? null) : null };
      const records = selected.ids.flatMap((id) => store.runs.view(id)?.record ?? []);
      const items = records.flatMap((record) => presentInvocation(store, record) ?? []);
      const path = `${prefix}/invocations`;
      return { body: { items, ...pageMembers(page, found) }, headers: pageLinks(path, query, page, found) };
    },

    getInvocation: async ({ store, params, query }) =>
      invocationAnswer(store, requireInvocation(store, params.invocation_id, query.server)),

    cancelInvocation: async ({ store, author, params, query, body }) => {
      const { id, job_id } = requireInvocation(store, params.invocation_id, query.server);
      await cancelJob(store, author, job_id, body.reason);
      const record = store.runs.view(id)?.record;
      if (record === undefined) throw new RuntreeError("run_not_found", `There is no run ${id}.`, { run_id: id });
      return invocationAnswer(store, record);
    },
  };
}
