import { RuntreeError } from "../domain/errors.ts";
import type { Json, JsonObject } from "../domain/json.ts";
import { readCommit } from "../git/commit.ts";
import type { Authorship } from "../store/authorship.ts";
import { commitToOps } from "../store/ops-commit.ts";
import { CUSTOM_JOB, jobPath, type JobRecord } from "../store/ops.ts";
import type { Store } from "../store/store.ts";
import { refuseMember } from "./refusal.ts";

/** Ids that name routes or the evergreen job. */
const RESERVED: ReadonlySet<string> = new Set([CUSTOM_JOB, "batch", "monitor"]);

/** Stands in addresses and in git as it is. */
const JOB_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,159}$/;

export interface CreateJob {
  readonly job_id?: string;
  readonly title?: string;
  readonly params?: JsonObject;
}

/** Registers a job for agents on `ops`. Throws `validation_failed` for an id that is reserved, taken or not one. */
export async function createJob(store: Store, author: Authorship, input: CreateJob): Promise<JobRecord> {
  const now = store.clock();
  const id = input.job_id ?? store.nextRunId(now);
  if (!JOB_ID.test(id)) {
    refuseMember(
      "bad_id",
      "/job_id",
      `"${id.slice(0, 160)}" cannot be a job's id: letters, digits and "._:-", a letter or digit first, at most 160.`,
    );
  }
  if (RESERVED.has(id)) refuseMember("bad_id", "/job_id", `"${id}" is reserved.`);
  return store.turns.take(`job ${id}`, async () => {
    if (store.jobs.find(id) !== null) refuseMember("duplicate", "/job_id", `There is a job ${id} already.`);
    const job: JobRecord = {
      id,
      executor: "external",
      ...(input.title === undefined ? {} : { title: input.title }),
      params: input.params ?? {},
      created_at: new Date(now).toISOString(),
      created_by: author.principal,
    };
    const files = new Map([[jobPath(job), job as unknown as Json]]);
    const text = { subject: `Create job ${id}`, trailers: [["Job-Id", id]] as const };
    await store.ops.take(async (ahead) => commitToOps(ahead, author, files, text, { job }));
    return job;
  });
}

/** The evergreen job, as old as the record. */
function customJob(store: Store): JobRecord {
  const first = store.main.history.at(0) ?? store.main.commit;
  const { committer } = readCommit(store.reader(), first);
  const created_at = new Date(committer.seconds * 1000).toISOString();
  return {
    id: CUSTOM_JOB,
    executor: "external",
    title: "Custom submissions",
    params: {},
    created_at,
    created_by: committer.name,
  };
}

/** A job by id. Throws `job_not_found`. */
export function requireJobRecord(store: Store, id: string): JobRecord {
  const job = id === CUSTOM_JOB ? customJob(store) : store.jobs.find(id);
  if (job === null) {
    throw new RuntreeError("job_not_found", `There is no job ${id}; "${CUSTOM_JOB}" always exists.`, { job_id: id });
  }
  return job;
}
