import { RuntreeError } from "../domain/errors.ts";
import type { TemplateRecord } from "../domain/job-template.ts";
import type { JsonObject } from "../domain/json.ts";
import { doorViolation } from "../domain/verdict.ts";
import { paramsSchemaError, paramsViolations } from "../store/params-schema.ts";
import type { Store } from "../store/store.ts";
import { refuseAtDoor, refuseMember } from "./refusal.ts";

/** What the params of a job may be at most, in UTF-16 units of their JSON: as much as one request brings by default. */
const MAX_PARAMS = 1_048_576;

/** Refuses a template whose schema does not compile, or whose command this node does not have. Throws `validation_failed`, `command_not_allowed`. */
export async function requireUsable(store: Store, template: TemplateRecord): Promise<void> {
  requireCommand(store, template);
  const error = await paramsSchemaError(store.schemas, template);
  if (error !== null) refuseMember("schema", "/params_schema", `The schema does not compile: ${error}`);
}

/** Refuses params that do not fit a template's schema, or are too large. Throws `validation_failed`. */
export async function requireFit(store: Store, template: TemplateRecord | null, params: JsonObject): Promise<void> {
  if (JSON.stringify(params).length > MAX_PARAMS)
    refuseMember("too_large", "/params", `The params of a job may have ${MAX_PARAMS} characters at most.`);
  const found = template === null ? [] : await paramsViolations(store.schemas, template, params);
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
