import { type JsonObject, sameJson } from "../domain/json.ts";
import type { TemplateRecord } from "../domain/job-template.ts";
import { MAPPED_FACTS, strangeHole } from "../domain/invocation-mapping.ts";
import { applyMergePatch } from "../domain/patch.ts";
import { parsePointer } from "../domain/pointer.ts";
import { doorViolation } from "../domain/verdict.ts";
import type { Authorship } from "../store/authorship.ts";
import { commitToOps } from "../store/ops-commit.ts";
import type { Store } from "../store/store.ts";
import { requireName } from "./create-job.ts";
import { requireUsable } from "./fit-params.ts";
import { refuseAtDoor, refuseMember } from "./refusal.ts";
import { requireTemplate } from "./require-job.ts";

/** What a template is made of; null stands for a member that is taken away. */
export interface TemplateMembers {
  readonly title?: string | null;
  readonly narrative?: string | null;
  readonly version?: string | null;
  readonly executor?: TemplateRecord["executor"];
  readonly default_params?: JsonObject | null;
  readonly params_schema?: JsonObject | boolean | null;
  readonly retries?: number | null;
  readonly timeout_s?: number | null;
  readonly skip_exit_code?: number | null;
  readonly command?: string | null;
  readonly workflow_name?: string | null;
  readonly workflow_id?: string | null;
  readonly inputs?: JsonObject | null;
  readonly history_name?: string | null;
  readonly mapping?: JsonObject | null;
  readonly server?: string | null;
  readonly status?: TemplateRecord["status"];
}

/** Makes a template, as one commit on `ops`. Throws `validation_failed`, `command_not_allowed`. */
export async function createTemplate(
  store: Store,
  author: Authorship,
  {
    template_id: id,
    ...members
  }: TemplateMembers & Pick<TemplateRecord, "executor"> & { readonly template_id: string },
): Promise<TemplateRecord> {
  requireName("template_id", id, "a template's id");
  const at = new Date(store.clock()).toISOString();
  const made = { created_at: at, created_by: author.principal, updated_at: at };
  const template = { id, status: "active", ...members, ...made } as TemplateRecord;
  requireConsistent(template);
  await requireUsable(store, template);
  await requireDefaultsFit(store, template);
  return takeTemplate(store, id, async () => {
    if (store.templates.find(id) !== null)
      refuseMember("duplicate", "/template_id", `There is a template ${id} already; it can be changed.`);
    return write(store, author, template, `Create template ${id}`);
  });
}

/** Changes a template, as one commit; what does not change it writes nothing. Throws `template_not_found`, `validation_failed`, `command_not_allowed`. */
export async function patchTemplate(
  store: Store,
  author: Authorship,
  id: string,
  members: TemplateMembers,
): Promise<TemplateRecord> {
  return takeTemplate(store, id, async () => {
    const before = requireTemplate(store, id);
    const { default_params: defaults } = members;
    const given = {
      ...members,
      ...(defaults === undefined || defaults === null
        ? {}
        : { default_params: applyMergePatch(before.default_params ?? {}, defaults) }),
    };
    const kept = Object.entries({ ...before, ...given }).filter(([, value]) => value !== null && value !== undefined);
    const template = Object.fromEntries(kept) as unknown as TemplateRecord;
    if (sameJson(template as unknown as JsonObject, before as unknown as JsonObject)) return before;
    requireConsistent(template);
    if (template.executor !== before.executor) requireUnused(store, id);
    if (template.status === "active") {
      await requireUsable(store, template);
      const { status, params_schema: schema } = members;
      if ([status, schema, defaults].some((given) => given !== undefined)) await requireDefaultsFit(store, template);
    }
    const verb = template.status === "archived" && before.status === "active" ? "Archive" : "Change";
    const updated_at = new Date(store.clock()).toISOString();
    return write(store, author, { ...template, updated_at }, `${verb} template ${id}`);
  });
}

/** Archives a template; again is no error. Throws `template_not_found`. */
export async function archiveTemplate(store: Store, author: Authorship, id: string): Promise<TemplateRecord> {
  return patchTemplate(store, author, id, { status: "archived" });
}

async function takeTemplate<Result>(store: Store, id: string, work: () => Promise<Result>): Promise<Result> {
  return store.turns.take(`template ${id}`, work);
}

/** Keywords below which a schema says what may depend on members that are not there yet. */
const DEPENDING = /^[^#]*#\/(?:allOf\/\d+\/)*(?:anyOf|oneOf|not|if|then|else|dependent\w+)(?:\/|$)/;

/** Refuses defaults that no job could have: what is there has to fit, what is missing a job may bring. Throws `validation_failed`. */
async function requireDefaultsFit(store: Store, template: TemplateRecord): Promise<void> {
  const { default_params: defaults = {} } = template;
  const found = await store.params.violations(template, defaults);
  const isThere = (pointer: string): boolean => Object.hasOwn(defaults, parsePointer(pointer)?.[0] ?? "");
  refuseAtDoor(
    found
      .filter(({ pointer, schema_pointer = "" }) => isThere(pointer) && !DEPENDING.test(schema_pointer))
      .map(({ pointer, message }) => {
        const at = `/default_params${pointer}`;
        return doorViolation("schema", at, `${at} ${message}, as params_schema says.`);
      }),
  );
}

/** Refuses to give a template another executor before its jobs are done: they keep what they were made for. Throws `validation_failed`. */
function requireUnused(store: Store, id: string): void {
  for (const status of ["queued", "running"] as const) {
    const [row] = store.jobs.select({ template: id, status }, { offset: 0, limit: 1 })?.rows ?? [];
    if (row !== undefined)
      refuseMember(
        "schema",
        "/executor",
        `Job ${row.id} of template ${id} is ${status}; end it first, or make another template.`,
      );
  }
}

/** The members of a template that only one executor, or two, can make use of. */
const ONLY_FOR: Readonly<Partial<Record<keyof TemplateRecord, readonly TemplateRecord["executor"][]>>> = {
  command: ["process"],
  timeout_s: ["process"],
  skip_exit_code: ["process"],
  retries: ["process", "galaxy"],
  workflow_name: ["galaxy"],
  workflow_id: ["galaxy"],
  inputs: ["galaxy"],
  history_name: ["galaxy"],
  mapping: ["galaxy"],
  server: ["galaxy"],
};

/** Refuses a template that lacks what its executor needs, or has what only another can make use of. Throws `validation_failed`. */
function requireConsistent(template: TemplateRecord): void {
  const { executor, command, workflow_id, workflow_name, mapping } = template;
  if (executor === "process" && command === undefined)
    refuseMember("schema", "/command", "A template whose executor is process names a command of the configuration.");
  if (executor === "galaxy" && (workflow_id === undefined) === (workflow_name === undefined))
    refuseMember("schema", "/workflow_name", "A template whose executor is galaxy has workflow_name or workflow_id.");
  for (const [name, executors] of Object.entries(ONLY_FOR)) {
    if (template[name as keyof TemplateRecord] === undefined || executors.includes(executor)) continue;
    const words = `Only a template whose executor is ${executors.join(" or ")} has ${name}.`;
    refuseMember("schema", `/${name}`, words);
  }
  const strange = mapping === undefined ? null : strangeHole(mapping, MAPPED_FACTS);
  if (strange !== null)
    refuseMember(
      "schema",
      "/mapping",
      `There is no ${strange} to map; a pointer begins with one of ${MAPPED_FACTS.join(", ")}.`,
    );
}

async function write(
  store: Store,
  author: Authorship,
  template: TemplateRecord,
  subject: string,
): Promise<TemplateRecord> {
  const text = { subject, trailers: [["Template-Id", template.id]] as const };
  await store.ops.take(async (ahead) => commitToOps(ahead, author, { template }, text));
  return template;
}
