import fc from "fast-check";
import { expect, test } from "vitest";
import { documentBlame, documentHistory } from "../../src/actions/document-history.ts";
import { leafPointers } from "../../src/domain/change.ts";
import { isObject, type Json, type JsonObject, sameJson } from "../../src/domain/json.ts";
import { memberOf, parsePointer } from "../../src/domain/pointer.ts";
import { patchable } from "../property/generators.ts";
import { merged } from "../support/situations.ts";
import { openTestStore, templateFolder } from "../support/store.ts";

const NAME = { collection: "things", id: "t-1" };

/** Versions of a document, each as a run leaves it; null deletes it. */
const versions = fc.array(fc.option(patchable.filter(isObject), { freq: 5 }), { minLength: 1, maxLength: 8 });

/** The value at a pointer; undefined where there is none. */
function valueAt(document: JsonObject | null, pointer: string): Json | undefined {
  return (parsePointer(pointer) ?? []).reduce<Json | undefined>(memberOf, document ?? undefined);
}

/** Which version changed each leaf of the last one, the slow way: the newest that differs there from the one before. */
function expectedBlame(all: readonly (JsonObject | null)[]): Record<string, number> {
  const leaves = [...leafPointers(all.at(-1) ?? undefined)].map((pointer): [string, number] => {
    const differs = (at: number): boolean =>
      !sameJson(valueAt(all[at] ?? null, pointer), valueAt(all[at - 1] ?? null, pointer));
    let at = all.length - 1;
    while (at > 0 && !differs(at)) at--;
    return [pointer, at];
  });
  return Object.fromEntries(leaves);
}

test("history lists every version that changed a document, and blame the newest that changed each leaf", async () => {
  const template = templateFolder({ format: 1, collections: { things: {} } });
  const { store } = await openTestStore({ template });
  let count = 0;
  await fc.assert(
    fc.asyncProperty(versions, async (given) => {
      const id = `t-${++count}`;
      const all: (JsonObject | null)[] = [];
      const commits: string[] = [];
      for (const version of given) {
        const document = version === null ? null : { ...version, id };
        if (sameJson(document, all.at(-1) ?? null)) continue;
        const { head } = await merged(store, { things: document === null ? { [id]: null } : [document] } as Json);
        all.push(document);
        commits.push(store.mergeCommitOf(head) ?? "");
      }
      if (all.length === 0) return;
      const history = documentHistory(store, NAME.collection, id);
      expect(history.map(({ commit }) => commit)).toEqual(commits.toReversed());
      if (all.at(-1) === null) {
        expect(() => documentBlame(store, NAME.collection, id)).toThrow(
          expect.objectContaining({ code: "document_not_found" }),
        );
        return;
      }
      const blame = Object.entries(documentBlame(store, NAME.collection, id));
      const found = blame.map(([pointer, { commit }]) => [pointer, commits.indexOf(commit)]);
      expect(Object.fromEntries(found)).toEqual(expectedBlame(all));
    }),
    { numRuns: 60 },
  );
});
