import { afterAll, describe, expect, test } from "vitest";
import { type Json, sameJson } from "../../src/domain/json.ts";
import { fsck } from "../support/git.ts";
import { type Answer, call } from "../support/http.ts";
import {
  everything,
  finishRun,
  NMDC_IS_HERE,
  NMDC_TITLE,
  openRun,
  recurring,
  removeInstallation,
  startWithSchema,
} from "../support/nmdc.ts";

describe.skipIf(!NMDC_IS_HERE)(NMDC_TITLE, { timeout: 120_000 }, () => {
  afterAll(removeInstallation);

  test(
    "an id that two runs bring merges when the documents are the same and conflicts when not",
    { tags: "trial" },
    async () => {
      const server = await startWithSchema();
      const kinds = new Set<boolean>();
      for (const { first, second } of recurring()) {
        const { collection, id } = first;
        const [one, two] = [await openRun(server), await openRun(server)];
        expect((await finishRun(server, one, { [collection]: [first.document] })).status).toBe(200);
        const { status, body } = await finishRun(server, two, { [collection]: [second.document] });
        const same = sameJson(first.document, second.document);
        kinds.add(same);
        expect({ id, status }).toEqual({ id, status: same ? 200 : 409 });
        if (same) continue;
        const sides = { ours: first.document, theirs: second.document, ours_run: one, theirs_run: two };
        expect(body.conflicts).toEqual([
          expect.objectContaining({ collection, id, pointer: "", kind: "add/add", ...sides }),
        ]);
        expect(body.conflicts[0]).not.toHaveProperty("base");
      }
      expect(kinds).toEqual(new Set([true, false]));
      expect(fsck(server.gitDir)).toEqual([]);
    },
  );

  test("two runs conflict over one field of a document and both merge on different fields", async () => {
    const server = await startWithSchema();
    for (const collection of ["biosample_set", "study_set", "data_object_set", "material_processing_set"]) {
      const document = everything()[collection]?.find(({ name }) => typeof name === "string") ?? {};
      const { id = "", name = "" } = document as { id?: string; name?: string };
      const { status: added } = await finishRun(server, await openRun(server), { [collection]: [document] });
      expect(added).toBe(200);
      const [one, two] = [await openRun(server), await openRun(server)];
      const patch = (run: string, change: Json): Promise<Answer> =>
        finishRun(server, run, { [collection]: { [id]: change } });

      expect((await patch(one, { name: "one" })).status).toBe(200);
      const { status, body } = await patch(two, { name: "two" });
      expect({ id, status, code: body.code }).toEqual({ id, status: 409, code: "merge_conflict" });
      const values = { base: name, ours: "one", theirs: "two", ours_run: one, theirs_run: two };
      expect(body.conflicts).toEqual([
        expect.objectContaining({ collection, id, pointer: "/name", kind: "modify/modify", ...values }),
      ]);

      const [three, four] = [await openRun(server), await openRun(server)];
      expect((await patch(three, { description: "three" })).status).toBe(200);
      expect((await patch(four, { name: "four" })).status).toBe(200);
      const { body: merged } = await call(server, "getDocument", { params: { collection, id } });
      expect(merged).toEqual({ ...document, name: "four", description: "three" });
    }
    expect(fsck(server.gitDir)).toEqual([]);
  });
});
