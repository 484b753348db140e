import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
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
