import type { InvocationRecord } from "../domain/invocation.ts";
import type { WorkflowServer } from "../domain/workflow-server.ts";

/**
 * Has a Galaxy cancel whatever it does for a run that has ended here: its invocation, and any other in its history, as one
 * may be there whose answer was lost. Returns whether there was one. Throws what asking the server throws.
 */
export async function cancelOnServer(
  server: WorkflowServer,
  { history_id, invocation_id }: Pick<InvocationRecord, "history_id" | "invocation_id">,
): Promise<boolean> {
  const there = history_id === undefined ? [] : await server.invocationsIn(history_id);
  const ids = new Set([...(invocation_id === undefined ? [] : [invocation_id]), ...there.map(({ id }) => id)]);
  for (const id of ids) await server.cancel(id);
  return ids.size > 0;
}
