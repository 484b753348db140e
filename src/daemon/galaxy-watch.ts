import { cancelOnServer, isBeyondCancel } from "../actions/cancel-on-server.ts";
import { type InvokeRun, invokeRun, mayHaveOthers } from "../actions/invoke-run.ts";
import type { AllowedServer, PlannedInvocation } from "../actions/plan-invocation.ts";
import { planRun } from "../actions/plan-run.ts";
import { noteStalled, type SeenInvocation, STALLED_MS, writeSeen } from "../actions/poll-invocations.ts";
import { failJob } from "../actions/request-invocation.ts";
import { RuntreeError } from "../domain/errors.ts";
import { hasEnded } from "../domain/invocation-state.ts";
import { type Json, sameJson } from "../domain/json.ts";
import {
  type InvocationLook,
  isOneRefused,
  isWorkRefused,
  type WorkflowServerFault,
  workflowServerFault,
} from "../domain/workflow-server.ts";
import type { Store } from "../store/store.ts";
import { inParallel } from "./in-parallel.ts";

/** How many invocations are looked at, or workflows invoked, at a time. */
export const AT_A_TIME = 32;

export interface WatchParts extends AllowedServer {
  readonly store: Store;
  /** How long (ms) after a request to invoke it may still have an effect that is not to be seen yet. */
  readonly settleMs: number;
  /** Hears what is the operator's to know. */
  readonly report: (message: string) => void;
}

/** What is remembered of an open run from one sweep to the next. */
interface Remembered {
  /** The id of its invocation; null while none is known. */
  readonly id: string | null;
  /** What Galaxy said last, and since when. */
  said: InvocationLook | null;
  since: number;
}

function isSame(look: InvocationLook, said: InvocationLook | null): boolean {
  return sameJson(look as unknown as Json, said as unknown as Json);
}

/** Whose fault it is when looks at all runs fail. */
const SERVER = Symbol("server");

/** Watches the runs that one Galaxy works on. Nothing of what it remembers outlives the process, or needs to. */
export class GalaxyWatch {
  readonly #parts: WatchParts;
  readonly #startedAt: number;
  readonly #remembered = new Map<string, Remembered>();
  /** When Galaxy was last asked to invoke the workflow of a run. */
  readonly #sent = new Map<string, number>();
  /** Runs whose workflow is yet to be invoked, by a sweep: an earlier process or try did not get through. */
  readonly #left: Set<string>;
  /** Runs that ended here, and perhaps not in Galaxy; and open ones that may have several invocations there. */
  readonly #toCancel = new Set<string>();
  /** How often in a row something went ahead after a rest. */
  #ahead = 0;

  /** Whose looks fail, and was told so: runs that the server refuses, and the server itself. */
  readonly #told = new Set<string | typeof SERVER>();

  constructor(parts: WatchParts) {
    this.#parts = parts;
    this.#startedAt = parts.store.clock();
    this.#left = new Set(parts.store.runs.openOn(parts.server.name));
  }

  get allowed(): AllowedServer {
    return this.#parts;
  }

  /** For how many ms the server is still left alone; 0 when it may be asked now. */
  get restMs(): number {
    return Math.max(0, this.#parts.server.restsUntil - this.#parts.store.clock());
  }

  get isAwake(): boolean {
    return this.restMs === 0;
  }

  /** Has what Galaxy does for a run that ended here cancelled, by the next sweeps. */
  cancel(runId: string): void {
    this.#toCancel.add(runId);
  }

  /** Has the workflow of a run that was opened just now invoked. Throws what asking the server throws. */
  async invokeNow(runId: string, planned: PlannedInvocation): Promise<void> {
    await this.#invoke(runId, { isFresh: true, plan: async () => planned });
  }

  /** The same for one that nobody waits for: a failure that is not for good is left for a later sweep. */
  async invoke(runId: string, isFresh: boolean): Promise<void> {
    const { store, report } = this.#parts;
    try {
      await this.#invoke(runId, { isFresh, plan: async (record) => planRun(store, this.#parts, record) });
    } catch (error) {
      if (!(error instanceof RuntreeError)) throw error;
      const fault = workflowServerFault(error);
      const record = store.runs.view(runId)?.record;
      if (record !== undefined && (fault === null ? isForGood(error) : isWorkRefused(fault))) {
        this.#left.delete(runId);
        await failJob(store, record.job_id, error);
      } else report(`run ${runId}: ${error.message} It is tried again.`);
    }
  }

  /** Looks at every run once, and writes what changed, all together. `goesOn` tells whether there is time for more. */
  async sweep(goesOn: () => boolean): Promise<void> {
    const { store, server, report } = this.#parts;
    // One that the gate refused is for whoever mends it.
    const runs = store.runs.openOn(server.name).filter((runId) => store.runs.statusOf(runId) !== "rejected");
    this.#forgetAllBut(new Set(runs));
    const look = async (runId: string): Promise<SeenInvocation | null> => {
      if (!goesOn() || !this.isAwake) return null;
      return this.#isolated(runId, async () => this.#look(runId));
    };
    const cancel = async (runIds: readonly string[]): Promise<unknown> =>
      inParallel(runIds, AT_A_TIME, async (runId) => {
        if (goesOn() && this.isAwake) await this.#isolated(runId, async () => this.#cancel(runId));
      });
    const first = await this.#goAhead(runs);
    const ahead = await inParallel(first, 1, look);
    const known = new Set(this.#toCancel);
    const others = runs.filter((runId) => !first.includes(runId));
    // What is to be cancelled waits for no look: a server that hangs takes long for each.
    const [looks] = await Promise.all([inParallel(others, AT_A_TIME, look), cancel([...known])]);
    const found = [...ahead, ...looks].flatMap((seen) => seen ?? []);
    const failed = await writeSeen(store, found);
    for (const [runId, error] of failed) report(`run ${runId}: ${wordsOf(error)} It is written by a later sweep.`);
    for (const { runId, look } of found) if (!failed.has(runId)) this.#note(runId, look);
    await cancel([...this.#toCancel].filter((runId) => !known.has(runId)));
  }

  /**
   * Chooses what goes ahead after a rest: as long as it is not known how it fares, no other is asked for. It is another each
   * time, and in the end the server is asked for its version, as it may be one invocation alone that it always fails at.
   */
  async #goAhead(runs: readonly string[]): Promise<readonly string[]> {
    const { server } = this.#parts;
    if (server.restsUntil === 0) this.#ahead = 0;
    else if (this.isAwake) {
      const chosen = runs[this.#ahead++ % (runs.length + 1)];
      if (chosen !== undefined) return [chosen];
      if (runs.length > 0) await server.version().catch(() => null);
    }
    return [];
  }

  /** Does something about one run; what fails at it is no other's loss. */
  async #isolated<Result>(runId: string, work: () => Promise<Result>): Promise<Result | null> {
    try {
      return await work();
    } catch (error) {
      this.#parts.report(`run ${runId}: ${wordsOf(error)} A later sweep tries again.`);
      return null;
    }
  }

  /** What there is to be written of a run; null for nothing. A look that fails changes nothing. */
  async #look(runId: string): Promise<SeenInvocation | null> {
    const { store, server } = this.#parts;
    const remembered = this.#remember(runId);
    if (remembered.id === null) {
      // Any other is being invoked just now.
      if (this.#left.has(runId)) await this.invoke(runId, false);
      return null;
    }
    try {
      const look = await server.look(remembered.id);
      const now = store.clock();
      this.#told.delete(runId);
      if (this.#told.delete(SERVER)) this.#parts.report(`Galaxy "${server.name}" answers again.`);
      store.executions.polled.set(runId, now);
      // Most of it is the same object where the server gave the same answer.
      return isSame(look, remembered.said) && now - remembered.since < STALLED_MS ? null : { runId, look };
    } catch (error) {
      const fault = workflowServerFault(error);
      if (fault === null) throw error;
      this.#tell(runId, fault, wordsOf(error));
      if (fault.reason === "refused") await noteStalled(store, runId);
      return null;
    }
  }

  /** Says of looks that fail what it is, once until one succeeds: nobody else does, as nothing is written of them. */
  #tell(runId: string, fault: WorkflowServerFault, words: string): void {
    if (fault.reason === "resting" || fault.reason === "closed") return;
    const who = isOneRefused(fault) ? runId : SERVER;
    if (this.#told.has(who)) return;
    this.#told.add(who);
    const where = who === runId ? `run ${runId}: ` : "";
    this.#parts.report(`${where}${words} What was known of it stays, and every sweep asks again.`);
  }

  /** Takes note of what was written of a run. */
  #note(runId: string, said: InvocationLook): void {
    const remembered = this.#remembered.get(runId);
    if (remembered === undefined || isSame(said, remembered.said)) return;
    remembered.said = said;
    // What was written before a start counts.
    remembered.since = Date.parse(this.#parts.store.runs.view(runId)?.record.updated_at ?? "") || 0;
  }

  #forgetAllBut(open: ReadonlySet<string>): void {
    for (const runId of this.#remembered.keys())
      if (!open.has(runId)) {
        this.#remembered.delete(runId);
        this.#parts.store.executions.polled.delete(runId);
      }
    for (const runId of this.#left) if (!open.has(runId)) this.#left.delete(runId);
    for (const who of this.#told) if (who !== SERVER && !open.has(who)) this.#told.delete(who);
    for (const runId of this.#sent.keys()) if (!open.has(runId) && !this.#toCancel.has(runId)) this.#sent.delete(runId);
  }

  #remember(runId: string): Remembered {
    const known = this.#remembered.get(runId);
    if (known !== undefined && known.id !== null) return known;
    const { store } = this.#parts;
    const record = store.runs.view(runId)?.record;
    const id = record?.invocation?.invocation_id ?? null;
    if (record !== undefined && id !== null) {
      if (mayHaveOthers(record)) this.#toCancel.add(runId);
      else this.#sent.delete(runId);
    }
    const now: Remembered = { id, said: null, since: store.clock() };
    this.#remembered.set(runId, now);
    return now;
  }

  /** Whether enough time has passed since this server may have been asked to invoke a run's workflow. */
  #hasSettled(runId: string): boolean {
    return this.#parts.store.clock() - (this.#sent.get(runId) ?? this.#startedAt) >= this.#parts.settleMs;
  }

  async #invoke(runId: string, how: Pick<InvokeRun, "isFresh" | "plan">): Promise<void> {
    const { store, server } = this.#parts;
    const template = store.templates.find(store.runs.view(runId)?.record.template_id ?? "");
    const prefix = template?.history_name;
    const onSend = (): void => void this.#sent.set(runId, store.clock());
    const more = prefix === undefined ? {} : { prefix };
    try {
      const view = await invokeRun(store, runId, {
        ...how,
        ...more,
        server,
        onSend,
        mayInvoke: this.#hasSettled(runId),
      });
      if (view === null || view.record.invocation?.invocation_id !== undefined) this.#left.delete(runId);
      // An earlier request may yet have an effect.
      if (view !== null && mayHaveOthers(view.record)) this.#toCancel.add(runId);
    } catch (error) {
      this.#left.add(runId);
      throw error;
    }
  }

  async #cancel(runId: string): Promise<void> {
    const { store, server } = this.#parts;
    const view = store.runs.view(runId);
    const record = view?.record;
    // A run that is open, or did not end before its invocation, keeps that one, if it has one by now.
    const isWanted = view?.place === "open" || hasEnded(record?.invocation?.state ?? "queued");
    const kept = isWanted ? (record?.invocation?.invocation_id ?? null) : null;
    if (isWanted && kept === null) return;
    try {
      const found = await cancelOnServer(server, record?.invocation ?? {}, kept);
      if ((found && !isWanted) || this.#hasSettled(runId)) this.#toCancel.delete(runId);
    } catch (error) {
      if (workflowServerFault(error) === null) throw error;
      if (isBeyondCancel(error)) this.#toCancel.delete(runId);
    }
    if (!this.#toCancel.has(runId)) this.#sent.delete(runId);
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Tells whether a request is wrong for good, whoever answers it. */
function isForGood({ code }: RuntreeError): boolean {
  return code !== "busy" && code !== "disk_full" && code !== "io_failed" && code !== "ref_moved";
}
