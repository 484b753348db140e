import type { JobOutcome } from "../actions/end-job.ts";
import type { TemplateRecord } from "../domain/job-template.ts";
import { readJson } from "../domain/json-door.ts";
import { artifactFolder, collidingPaths } from "../domain/layout.ts";
import type { JobProcessEnd } from "./job-process.ts";

/** Why a job is ended before it ends itself. */
export type StopReason = { readonly kind: "cancelled" | "interrupted"; readonly words: string };

/** What a job's process meant by how it ended. `end` is null when it was lost with the process that starts jobs. */
export function outcomeOf(
  runId: string,
  end: JobProcessEnd | null,
  stopped: StopReason | null,
  template: Pick<TemplateRecord, "skip_exit_code"> | null,
): JobOutcome {
  if (end === null) return interrupted("the process that looks after jobs ended");
  const { group, pid, harvest } = end;
  const { code, signal, notStarted } = group;
  const facts = { ...(pid === null ? {} : { pid }), ...(code === null ? {} : { exit_code: code }) };
  const failed = (error: string, message: string): JobOutcome => ({
    ...facts,
    status: "failed",
    error: { code: error, message },
  });
  if (notStarted !== null) return failed("not_started", `The command could not be started: ${notStarted}.`);
  // What ended by itself before it was told to did not end because of that.
  if (group.stopped !== null) {
    if (stopped?.kind === "interrupted") return { ...facts, ...interrupted(stopped.words) };
    if (stopped !== null)
      return { ...facts, status: "cancelled", error: { code: "cancelled", message: stopped.words } };
    return failed("timeout", `The process ${group.stopped}.`);
  }
  const brought = broughtBy(runId, harvest);
  const isSkipped = code !== null && code !== 0 && code === template?.skip_exit_code;
  const words = signal === null ? `The process ended with exit code ${code}.` : `The process was ended by ${signal}.`;
  if (code === 0) {
    if ("fault" in brought) return failed(brought.fault.code, brought.fault.message);
    return { ...facts, ...brought, status: "completed" };
  }
  const kept = "fault" in brought ? {} : brought;
  if (isSkipped) return { ...facts, ...kept, status: "skipped" };
  return { ...failed(signal === null ? "exit_code" : "signal", words), ...kept };
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
