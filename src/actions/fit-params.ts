import { RuntreeError } from "../domain/errors.ts";
import type { TemplateRecord } from "../domain/job-template.ts";
import { canonicalJson, type Json, type JsonObject } from "../domain/json.ts";
import { doorViolation } from "../domain/verdict.ts";
import type { Store } from "../store/store.ts";
import { refuseAtDoor, refuseMember } from "./refusal.ts";

/** What the params of a job, and the schema of a template's, may be at most, in bytes of their JSON as it is kept: indented, so that what is read of them is bounded as well. */
const MOST_BYTES = 256 * 1024;

/** Refuses a value that is too large. Throws `validation_failed`. */
function requireSmall(value: Json | undefined, pointer: string, what: string): void {
  if (value !== undefined && Buffer.byteLength(canonicalJson(value)) > MOST_BYTES)
    refuseMember(
      "too_large",
      pointer,
      `${what} may have ${MOST_BYTES} bytes at most, as JSON that is indented by two.`,
    );
}

/** Refuses a template whose schema does not compile or is too large, or whose command this node does not have. Throws `validation_failed`, `command_not_allowed`. */
export async function requireUsable(store: Store, template: TemplateRecord): Promise<void> {
  requireCommand(store, template);
  requireSmall(template.default_params, "/default_params", "The params of a job");
  requireSmall(template.params_schema, "/params_schema", "A schema of params");
  const error = await store.params.schemaError(template);
  if (error !== null) refuseMember("schema", "/params_schema", `The schema does not compile: ${error}`);
}

/** Refuses params of a job that are too large. Throws `validation_failed`. */
export function requireSmallParams(params: JsonObject, pointer: string): void {
  requireSmall(params, pointer, "The params of a job");
}

/** Refuses params that do not fit a template's schema, or are too large. Throws `validation_failed`. */
export async function requireFit(store: Store, template: TemplateRecord | null, params: JsonObject): Promise<void> {
  requireSmallParams(params, "/params");
  const found = template === null ? [] : await store.params.violations(template, params);
  refuseAtDoor(
    found.map(({ pointer, message }) => doorViolation("schema", `/params${pointer}`, `/params${pointer} ${message}.`)),
  );
}

/** Refuses a command that the operator's configuration does not have. Throws `command_not_allowed`. */
export function requireCommand(store: Store, { id, executor, command = "" }: TemplateRecord): void {
  if (executor !== "process" || store.commands.has(command)) return;
  const words = `The configuration of this node has no command ${JSON.stringify(command.slice(0, 100))}, which template ${id} names. Whoever runs the node adds it to runtree.config.json and starts it again.`;
  const errors = [doorViolation("schema", "/command", words)];
  throw new RuntreeError("command_not_allowed", words, { command, errors });
}
