import type { JobOutcome } from "../actions/end-job.ts";
import type { TemplateRecord } from "../domain/job-template.ts";
import { readJson } from "../domain/json-door.ts";
import { artifactFolder, collidingPaths } from "../domain/layout.ts";
import type { JobProcessEnd } from "./job-process.ts";

/** Why a job is ended before it ends itself. */
export type StopReason = { readonly kind: "cancelled" | "interrupted"; readonly words: string };

/** Work on a run, as far as is known where it was begun. */
export interface KnownWork {
  readonly runId: string;
  /** Null while nothing tells that its process began. */
  readonly pid: number | null;
  /** Null when it was not told to end. */
  readonly stopped: StopReason | null;
}

/** What a job's process meant by how it ended. `end` is null when it was lost with the process that starts jobs. */
export function outcomeOf(
  { runId, pid: begun, stopped }: KnownWork,
  end: JobProcessEnd | null,
  template: Pick<TemplateRecord, "skip_exit_code"> | null,
): JobOutcome {
  if (end === null) {
    if (stopped !== null) return stoppedBy(stopped);
    const lost = interrupted("the process that looks after jobs ended");
    return begun === null ? { ...lost, neverBegan: true } : lost;
  }
  const { group, pid, harvest } = end;
  const { code, signal, notStarted } = group;
  const facts = { ...(pid === null ? {} : { pid }), ...(code === null ? {} : { exit_code: code }) };
  const failed = (error: string, message: string): JobOutcome => ({
    ...facts,
    status: "failed",
    error: { code: error, message },
  });
  if (notStarted !== null) {
    if (!notStarted.isLack) return failed("not_started", `The command could not be started: ${notStarted.words}.`);
    return stopped === null ? { ...interrupted(notStarted.words), neverBegan: true } : stoppedBy(stopped);
  }
  // What ended by itself before it was told to did not end because of that.
  if (group.stopped !== null) {
    if (stopped !== null) return { ...facts, ...stoppedBy(stopped) };
    return failed("timeout", `The process ${group.stopped}.`);
  }
  const brought = broughtBy(runId, harvest);
  const isSkipped = code !== null && code !== 0 && code === template?.skip_exit_code;
  const words = signal === null ? `The process ended with exit code ${code}.` : `The process was ended by ${signal}.`;
  if (code === 0) {
    if ("fault" in brought) return failed(brought.fault.code, brought.fault.message);
    return { ...facts, ...brought, status: "completed" };
  }
  // Nobody needs it any more.
  const kept = "fault" in brought ? { notices: [{ ...brought.fault, severity: "warning" as const }] } : brought;
  if (isSkipped) return { ...facts, ...kept, status: "skipped" };
  return { ...failed(signal === null ? "exit_code" : "signal", words), ...kept };
}

function stoppedBy({ kind, words }: StopReason): JobOutcome {
  if (kind === "interrupted") return interrupted(words);
  return { status: "cancelled", error: { code: "cancelled", message: words } };
}

function interrupted(words: string): JobOutcome {
  const message = `The work was cut short: ${words}.`;
  return { status: "failed", error: { code: "interrupted", message }, interrupted: true };
}

/** The outcome of a job that was found at work although nothing works on it. */
export const FOUND_RUNNING: JobOutcome = interrupted("the server that began it ended before it");

/** Of a job whose run somebody closed without a reason while another worked on it: it is not tried again. */
export const CLOSED_BY_HAND: JobOutcome = {
  status: "failed",
  error: { code: "closed", message: "Its run was closed by hand." },
};

/** What a process left, as a submission and files of its run. */
function broughtBy(
  runId: string,
  harvest: JobProcessEnd["harvest"],
): Pick<JobOutcome, "body" | "notices" | "artifacts"> | { fault: { code: string; message: string } } {
  if ("fault" in harvest) return harvest;
  const alike = collidingPaths(harvest.files.map(({ path }) => path));
  if (alike !== null) {
    const message = `The artifacts ${alike.join(" and ")} differ only in case or normal form; not every system can have both.`;
    return { fault: { code: "artifacts_invalid", message } };
  }
  const artifacts = new Map(
    harvest.files.map(({ path, bytes }) => [`${artifactFolder(runId)}${path}`, Buffer.from(bytes)]),
  );
  if (harvest.output === null) return { artifacts };
  const { value, violations, notices } = readOutput(harvest.output);
  const [first] = violations;
  if (first === undefined) return { artifacts, body: value, notices };
  return { fault: { code: "output_invalid", message: `The output is refused: ${first.message}` } };
}

function readOutput(bytes: Uint8Array): ReturnType<typeof readJson> {
  try {
    return readJson(bytes);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return {
      value: null,
      violations: [{ code: "malformed_json", collection: "", id: "", pointer: "", message }],
      notices: [],
    };
  }
}
