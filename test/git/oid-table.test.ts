import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Oid } from "../../src/git/objects.ts";
import { OidTable } from "../../src/git/oid-table.ts";

/** Ids of which many begin alike, so that their slots collide. */
const OIDS = fc.array(
  fc.nat(60).map((seed): Oid => {
    const digest = createHash("sha1").update(String(seed)).digest("hex");
    return seed % 3 === 0 ? digest : "0000003f" + digest.slice(8);
  }),
  { maxLength: 200 },
);

describe("a table of object ids", () => {
  test("numbers ids as a map does, also when it was taken up from a snapshot in between", () => {
    fc.assert(
      fc.property(OIDS, fc.nat(200), (oids, pause) => {
        let table = new OidTable();
        const numbers = new Map<Oid, number>();
        for (const [at, oid] of oids.entries()) {
          if (at === pause) table = new OidTable(table.values().slice());
          expect(table.find(oid)).toBe(numbers.get(oid) ?? -1);
          numbers.set(oid, numbers.get(oid) ?? numbers.size);
          expect(table.add(oid)).toBe(numbers.get(oid));
        }
        expect(table.size).toBe(numbers.size);
        expect(Array.from({ length: table.size }, (_, number) => table.at(number))).toEqual([...numbers.keys()]);
      }),
    );
  });

  test("keeps 100,000 of them apart", () => {
    const table = new OidTable();
    const oids = Array.from({ length: 100_000 }, (_, at) => createHash("sha1").update(`${at}`).digest("hex"));
    for (const oid of oids) table.add(oid);
    expect(oids.every((oid, number) => table.find(oid) === number && table.at(number) === oid)).toBe(true);
    expect(table.find("f".repeat(40))).toBe(-1);
  });
});
