import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { atEndOfTurn } from "../../src/http/turn.ts";

test("what comes in one turn is taken together at its end, in order and once", async () => {
  const taken: number[] = [];
  const give = atEndOfTurn<number>((item) => taken.push(item));
  give(1);
  await Promise.resolve();
  give(2);
  expect(taken).toEqual([]);
  await nextTurn();
  expect(taken).toEqual([1, 2]);
  await nextTurn();
  expect(taken).toEqual([1, 2]);
});

test("what comes while others are taken is taken a turn later", async () => {
  const taken: number[] = [];
  const give = atEndOfTurn<number>((item) => {
    taken.push(item);
    if (item < 3) give(item + 1);
  });
  give(1);
  await nextTurn();
  expect(taken).toEqual([1]);
  await nextTurn();
  await nextTurn();
  expect(taken).toEqual([1, 2, 3]);
});
