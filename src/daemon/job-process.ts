import type { Command } from "../domain/commands.ts";
import { type GroupEnd, ProcessGroup } from "../store/process-group.ts";
import { endLeftProcesses } from "./leftovers.ts";
import { type JobHarvest, JobLog, JobWork, type WorkLimits } from "./job-work.ts";

/** A job to be started by the process that starts jobs. */
export interface JobStart {
  readonly number: number;
  /** The run that it works on, which its environment names. */
  readonly run: string;
  /** With the environment that the operator gives it; where things are is added. */
  readonly command: Command;
  /** The private folder of the job, which must not be there. */
  readonly folder: string;
  readonly log: string;
  /** As JSON. */
  readonly params: string;
  readonly seconds: number;
  readonly limits: WorkLimits;
}

/** What that process is told. */
export type JobOrder = JobStart | { readonly number: number; readonly stop: string };

/** How a job's process ended, and what it left. */
export interface JobProcessEnd {
  readonly group: GroupEnd;
  readonly pid: number | null;
  readonly harvest: JobHarvest;
}

/** What that process tells: that a job has begun, or how it ended. */
export type JobReport =
  | { readonly number: number; readonly pid: number }
  | { readonly number: number; readonly end: JobProcessEnd };

/** How long (ms) a process group has to end between SIGTERM and SIGKILL. */
const GRACE_MS = 5000;

const NOTHING: JobHarvest = { output: null, files: [] };

/** The end of what found no room for its folder or its log. */
function notStarted(error: unknown): JobProcessEnd {
  const words = error instanceof Error ? error.message : String(error);
  const group = { code: null, signal: null, stopped: null, leftOpen: false, notStarted: { words, isLack: true } };
  return { group, pid: null, harvest: NOTHING };
}

/**
 * Starts a job, and tells how it gets on; `clearing` is given what resolves when its folder has gone, which may be a while
 * after its end is told. Returns what stops it; null when it could not be started.
 */
export function startJob(
  job: JobStart,
  tell: (report: JobReport) => void,
  clearing: (cleared: Promise<void>) => void,
): ProcessGroup | null {
  const { number, run, command, folder, log: path, params, seconds, limits } = job;
  let work: JobWork | null = null;
  try {
    const made = (work = new JobWork(folder, params, limits));
    const log = new JobLog(path, limits.logBytes);
    const env = { ...command.env, ...made.environment(params) };
    let pid: number | null = null;
    const onEnd = async (end: GroupEnd): Promise<void> => {
      log.close();
      // To look through all processes takes a while, and most jobs leave none.
      if (end.stopped !== null || end.leftOpen) await endLeftProcesses(new Set([run]));
      const harvest = end.notStarted === null ? made.harvest() : NOTHING;
      clearing(made.clear());
      tell({ number, end: { group: end, pid, harvest } });
    };
    const group = ProcessGroup.start(
      { ...command, env },
      {
        input: "",
        seconds,
        graceMs: GRACE_MS,
        onOutput: (_, bytes) => log.write(bytes),
        onEnd: (end) => void onEnd(end),
      },
    );
    pid = group.pid;
    if (pid !== null) tell({ number, pid });
    return group;
  } catch (error) {
    if (work !== null) clearing(work.clear());
    tell({ number, end: notStarted(error) });
    return null;
  }
}
