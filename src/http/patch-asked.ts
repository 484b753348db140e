import type { PatchRun } from "../actions/patch-run.ts";
import { RuntreeError } from "../domain/errors.ts";
import type { SentOperation } from "../domain/json-patch-door.ts";
import { doorViolation } from "../domain/verdict.ts";
import type { Call } from "./handler.ts";

/** What a patch asks for: an object says it in its members, a JSON Patch, which is an array, with the query. Throws `bad_request`. */
export function patchAsked(done: boolean | undefined, body: Call<"patchRun">["body"]): Omit<PatchRun, "notices"> {
  if (Array.isArray(body)) return { operations: body as SentOperation[], ...(done === undefined ? {} : { done }) };
  if (done === undefined) return body as Omit<PatchRun, "notices">;
  const message = "done is said in the body; the query says it of a JSON Patch only.";
  throw new RuntreeError("bad_request", message, { errors: [doorViolation("schema", "/done", message)] });
}
