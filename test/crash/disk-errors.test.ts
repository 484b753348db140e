import { expect, test } from "vitest";
import { RuntreeError } from "../../src/domain/errors.ts";
import { MAIN } from "../../src/domain/layout.ts";
import type { Repository } from "../../src/git/repository.ts";
import { blankDisk, openOn } from "../support/faulty-store.ts";
import { diskErrors, testScenarios } from "./points.ts";
import { SCENARIOS } from "./scenarios.ts";

testScenarios("what the disk refuses is answered as such, and goes through when it is asked for again", diskErrors);

/** A repository that the disk fails at the first move of `main`. */
function failingAtMain(repository: Repository): Repository {
  const apply = repository.apply.bind(repository);
  let failed = false;
  repository.apply = async (group) => {
    if (failed || !group.refs.some(({ ref }) => ref === MAIN)) return apply(group);
    failed = true;
    throw new RuntreeError("io_failed", "The disk failed.");
  };
  return repository;
}

test("a merge that the disk cut short is made when its request is repeated, without a new start", async () => {
  const disk = await blankDisk();
  const { ask, close } = await openOn(disk.fs, failingAtMain);
  const [request] = SCENARIOS.find(({ name }) => name === "start, submit and finish at once")?.groups[0] ?? [];
  if (request === undefined) throw new Error("there is no such scenario");
  expect(await ask(request)).toEqual({ status: 503, run: null });
  expect(await ask(request)).toEqual({ status: 201, run: "success" });
  await close();
});
