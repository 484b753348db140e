import { historyName, type InvocationRecord } from "../domain/invocation.ts";
import { afterSeeing } from "../domain/invocation-state.ts";
import type { RunRecord } from "../domain/run.ts";
import type { InvocationName, WorkflowServer } from "../domain/workflow-server.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import type { PlannedInvocation } from "./plan-invocation.ts";
import { type InvocationNews, writeInvocation } from "./write-invocation.ts";

/** The notice of a run in whose history there were several invocations. */
const ADOPTED = "galaxy_adopted";

/** How a run's workflow comes to be invoked. */
export interface InvokeRun {
  readonly server: WorkflowServer;
  /** Settles what is sent; asked only where the run does not keep it yet. */
  readonly plan: (record: RunRecord) => Promise<PlannedInvocation>;
  /** What the name of the history begins with. */
  readonly prefix?: string;
  /** Nothing was sent to the server for this run before. */
  readonly isFresh: boolean;
  /** Of a run that is not fresh: it may be invoked anew where nothing is found, as enough time has passed. */
  readonly mayInvoke: boolean;
  /** Hears that the server is about to be asked to invoke, from when on it may have done so. */
  readonly onSend: () => void;
}

/**
 * Has the workflow of a run invoked, so that at most one invocation is ever the run's: what is sent and the history of this
 * run alone are written down before anything is invoked into it (DESIGN §6), and where an earlier try may have got through,
 * the history is looked into first. What is found there is adopted, the oldest; of the rest the run gets a notice, and
 * `mayHaveOthers` tells of them. Returns the run as it
 * then stands; without an id of an invocation when none was found and it may not be invoked yet; null when the run is not
 * at work any more. Throws what planning, the server and writing throw; the run stays as it was last written.
 */
export async function invokeRun(store: Store, runId: string, how: InvokeRun): Promise<RunView | null> {
  let view = store.runs.view(runId);
  if (view?.place !== "open" || view.record.invocation === undefined) return null;
  let isNew = how.isFresh;
  // Nothing is invoked into a history before that is written down, so that no lost request is to be waited for.
  const mayInvoke = how.mayInvoke || view.record.invocation.history_id === undefined;
  if (view.record.invocation.history_id === undefined) ({ view, isNew } = await makeHistory(store, view, how));
  const { history_id: history, invocation_id: known } = view?.record.invocation ?? {};
  if (view === null || history === undefined || known !== undefined) return view;
  if (!isNew) {
    const there = await how.server.invocationsIn(history);
    if (there.length > 0) return adopt(store, runId, there);
    if (!mayInvoke) return view;
    view = await write(store, runId, (invocation) => ({
      invocation: { ...invocation, attempts: invocation.attempts + 1 },
      subject: `Invoke the workflow of run ${runId} again`,
      lines: ["nothing was found in its history"],
    }));
  }
  return view === null ? null : invoke(store, view, history, how);
}

async function write(
  store: Store,
  runId: string,
  news: (invocation: InvocationRecord) => InvocationNews | null,
): Promise<RunView | null> {
  return writeInvocation(store, runId, news);
}

/** Settles what is sent and makes the history of a run, or finds the one an earlier try made: in a new one nothing is. */
async function makeHistory(
  store: Store,
  { record }: RunView,
  { server, plan, prefix, isFresh }: InvokeRun,
): Promise<{ readonly view: RunView | null; readonly isNew: boolean }> {
  const { workflow, inputs, parameters } = await plan(record);
  const name = historyName(record.id, prefix);
  const [made] = isFresh ? [] : await server.historiesNamed(name);
  const { id } = made ?? (await server.createHistory(name));
  const view = await write(store, record.id, (invocation) => ({
    invocation: {
      ...invocation,
      workflow_id: workflow.id,
      workflow_name: workflow.name,
      inputs,
      parameters,
      history_id: id,
      attempts: made === undefined ? 1 : 0,
    },
    subject: `Prepare the invocation of run ${record.id}`,
    lines: [`workflow ${workflow.name} (${workflow.id})`, `history ${name} (${id})`],
    early: true,
  }));
  return { view, isNew: made === undefined };
}

async function invoke(
  store: Store,
  { record }: RunView,
  history_id: string,
  { server, onSend }: InvokeRun,
): Promise<RunView | null> {
  const { workflow_id: workflow = "", inputs = {}, parameters = {} } = record.invocation ?? {};
  onSend();
  const made = await server.invoke(workflow, {
    history_id,
    inputs,
    parameters: parameters as Record<string, Record<string, never>>,
  });
  return write(store, record.id, (invocation) => ({
    invocation: begun(invocation, made, store.clock()),
    subject: `Invoke the workflow of run ${record.id}`,
    lines: [`invocation ${made.id}, ${made.galaxy_state}`],
  }));
}

/** Takes the oldest invocation of a run's history for the run's own. */
async function adopt(
  store: Store,
  runId: string,
  [oldest, ...others]: readonly InvocationName[],
): Promise<RunView | null> {
  if (oldest === undefined) return null;
  const words = `invocation ${oldest.id}, ${oldest.galaxy_state}, was found in the run's history`;
  const extra = others.map(({ id }) => `${id} is cancelled, as a run has one invocation`);
  return write(store, runId, (invocation) => ({
    invocation: begun(invocation, oldest, store.clock()),
    subject: `Adopt the invocation of run ${runId}`,
    lines: [words, ...extra],
    notices:
      others.length === 0 ? [] : [{ code: ADOPTED, message: `${words}; ${extra.join("; ")}.`, severity: "warning" }],
  }));
}

/** Tells whether the history of a run with an invocation may hold others, which nobody wants. */
export function mayHaveOthers({ invocation, notices }: RunRecord): boolean {
  return (invocation?.attempts ?? 0) > 1 || notices.some(({ code }) => code === ADOPTED);
}

function begun(
  invocation: InvocationRecord,
  { id, galaxy_state, created_at }: InvocationName,
  now: number,
): InvocationRecord {
  return {
    ...invocation,
    invocation_id: id,
    galaxy_state,
    state: afterSeeing(invocation.state, null),
    started_at: created_at ?? new Date(now).toISOString(),
  };
}
