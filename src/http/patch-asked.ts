import type { PatchRun } from "../actions/patch-run.ts";
import type { SentOperation } from "../domain/json-patch-door.ts";
import type { Call } from "./handler.ts";
import { refused } from "./refused.ts";

/** What a patch asks for: an object says it in its members, a JSON Patch, which is an array, with the query. Throws `bad_request`. */
export function patchAsked(done: boolean | undefined, body: Call<"patchRun">["body"]): Omit<PatchRun, "notices"> {
  if (Array.isArray(body)) return { operations: body as SentOperation[], ...(done === undefined ? {} : { done }) };
  if (done === undefined) return body as Omit<PatchRun, "notices">;
  throw refused("/done", "done is said in the body; the query says it of a JSON Patch only.");
}
