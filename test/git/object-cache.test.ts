import { expect, test } from "vitest";
import { ObjectCache } from "../../src/git/object-cache.ts";
import type { GitObject } from "../../src/git/objects.ts";

const KIB = 1024;

function blob(length: number, fill = 0): GitObject {
  return { type: "blob", data: Buffer.alloc(length, fill) };
}

/** Which of the numbered objects are there, told by their bytes, without asking again for what is found. */
function present(cache: ObjectCache, count: number): number[] {
  return Array.from({ length: count }, (_, number) => number).filter((number) => cache.get(`${number}`) !== undefined);
}

test("keeps so many bytes and no more, the newest", () => {
  const cache = new ObjectCache(100 * KIB);
  for (let number = 0; number < 1000; number++) cache.set(`${number}`, blob(KIB, number));
  const left = present(cache, 1000);
  expect(left.length * KIB).toBeLessThan(100 * KIB);
  expect(left.length).toBeGreaterThan(60);
  expect(left).toEqual(Array.from({ length: left.length }, (_, at) => 1000 - left.length + at));
  for (const number of left) expect(cache.get(`${number}`)).toMatchObject(blob(KIB, number));
});

test("what is asked for stays while others come and go", () => {
  const cache = new ObjectCache(100 * KIB);
  cache.set("asked", blob(KIB, 1));
  cache.set("forgotten", blob(KIB, 2));
  for (let number = 0; number < 1000; number++) {
    cache.set(`${number}`, blob(KIB));
    expect(cache.get("asked")?.data[0]).toBe(1);
  }
  expect(cache.get("forgotten")).toBeUndefined();
});

test("goes on keeping no more where all of it is asked for", () => {
  const cache = new ObjectCache(1000 * KIB);
  for (let number = 0; number < 3000; number++) {
    cache.set(`${number}`, blob(KIB));
    present(cache, number + 1);
  }
  expect(present(cache, 3000).length * KIB).toBeLessThan(1000 * KIB);
  expect(cache.get("2999")).toBeDefined();
});

test("an object beyond a quarter is not kept, and does not leave another in its place", () => {
  const cache = new ObjectCache(100 * KIB);
  cache.set("small", blob(KIB));
  cache.set("large", blob(KIB));
  cache.set("large", blob(26 * KIB));
  expect(cache.get("large")).toBeUndefined();
  expect(cache.get("small")).toBeDefined();
});

test("what is put in place of itself is counted once", () => {
  const cache = new ObjectCache(100 * KIB);
  cache.set("first", blob(KIB));
  for (let time = 0; time < 1000; time++) cache.set("again", blob(KIB));
  expect(cache.get("first")).toBeDefined();
});
