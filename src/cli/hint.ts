import type { RuntreeClient } from "../client/client.ts";
import type { Wire } from "../contract/wire.ts";
import { hasCode, RuntreeError } from "../domain/errors.ts";
import { nearest } from "../domain/nearest.ts";
import type { Violation } from "../domain/verdict.ts";

/** Says what to do at a terminal about an error, of which the server's words are for every client; null for nothing. */
export type Hint = (error: RuntreeError, violations: readonly Violation[]) => string | null | Promise<string | null>;

/** Adds what to do to an error of some work. The first hint that knows something counts. */
export async function hinted<Result>(work: Promise<Result>, ...hints: readonly Hint[]): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof RuntreeError)) throw error;
    const problem = error.data["problem"] as Wire<"problem#Problem"> | undefined;
    for (const hint of hints) {
      const words = await hint(error, (problem?.errors ?? []) as readonly Violation[]);
      if (words !== null) throw new RuntreeError(error.code, error.message, { ...error.data, hint: words }, error);
    }
    throw error;
  }
}

/** How many templates are looked through for one with a name like that which was given. */
const MOST_TEMPLATES = 500;

/** What was probably meant by the id of a template that is none. */
export function unknownTemplate(client: RuntreeClient, id: string): Hint {
  return async (error) => {
    if (!hasCode(error, "template_not_found")) return null;
    const all = "`runtree template list` lists those that there are.";
    try {
      const { body } = await client.call("listTemplates", { query: { limit: MOST_TEMPLATES } });
      const ids = body.items.map(({ template_id }) => template_id);
      const near = nearest(id, ids);
      return near === null ? all : `Did you mean ${near}? ${all}`;
    } catch {
      return all;
    }
  };
}

/** How a template that is archived is made active; `idOf` tells which it is. */
export function archivedTemplate(idOf: () => Promise<string | null> | string | null): Hint {
  return async (error, [first]) => {
    if (!hasCode(error, "validation_failed") || first?.pointer !== "/template_id") return null;
    const id = await idOf();
    return id === null ? null : `Make it active again with \`runtree template edit ${id} --status active\`.`;
  };
}

/** How params of a job are given, where they are refused. */
export const refusedParams: Hint = (_, violations) => {
  const at = violations.find(({ pointer }) => pointer.startsWith("/params"));
  if (at === undefined) return null;
  const name = at.pointer.split("/")[2] ?? "NAME";
  return `Give a param as --param ${name.replaceAll("~1", "/").replaceAll("~0", "~")}=VALUE, or all of them as --params FILE.`;
};
