import { defineConfig } from "vitest/config";

/** `npm run trials` tries everything; each change, what it has time for. */
const ALL = process.env["RUNTREE_TRIALS"] !== undefined;

export default defineConfig({
  test: {
    tags: [{ name: "trial", description: "takes long, and what few changes touch" }],
    ...(ALL ? {} : { tagsFilter: ["!trial"] }),
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/build.ts"],
    reporters: ["default", "./test/support/summary.ts"],
    // Most tests wait for programs that they started, so two files share two cores well.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What is awaited comes late on a machine that does other things.
    expect: { poll: { timeout: 20_000 } },
  },
});
