import type { InvocationRecord } from "../domain/invocation.ts";
import { isOneRefused, type WorkflowServer, workflowServerFault } from "../domain/workflow-server.ts";

/**
 * Has a Galaxy cancel whatever it does for a run: its invocation, and any other in its history, as one may be there whose
 * answer was lost; all but one that the run keeps. What it says cannot be cancelled any more is left. Returns whether there
 * was one to cancel. Throws what asking the server throws, when all were asked for.
 */
export async function cancelOnServer(
  server: WorkflowServer,
  { history_id, invocation_id }: Pick<InvocationRecord, "history_id" | "invocation_id">,
  kept: string | null = null,
): Promise<boolean> {
  const there = history_id === undefined ? [] : await idsIn(server, history_id, invocation_id !== undefined);
  const ids = new Set([...(invocation_id === undefined ? [] : [invocation_id]), ...there]);
  if (kept !== null) ids.delete(kept);
  const failures: unknown[] = [];
  for (const id of ids) {
    try {
      await server.cancel(id);
    } catch (error) {
      if (!isBeyondCancel(error)) failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return ids.size > 0;
}

/** The invocations in a history; none where the server will not tell, as of one that is deleted, if there is one to cancel without it. */
async function idsIn(server: WorkflowServer, historyId: string, hasOne: boolean): Promise<readonly string[]> {
  try {
    return (await server.invocationsIn(historyId)).map(({ id }) => id);
  } catch (error) {
    if (hasOne && isBeyondCancel(error)) return [];
    throw error;
  }
}

/** Tells whether a server says that there is nothing to cancel for us. */
export function isBeyondCancel(error: unknown): boolean {
  const fault = workflowServerFault(error);
  return fault !== null && isOneRefused(fault);
}
