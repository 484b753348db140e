import type { Reporter, TestModule } from "vitest/node";

/** Prints the one line that says how many tests passed and failed, in the plain form that every CI reads. */
export default class SummaryLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    let trials = 0;
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        counts[state]++;
        if (state === "skipped" && test.tags.includes("trial")) trials++;
      }
      // A file that cannot even be loaded is a failure without a test.
      if (module.state() === "failed" && module.errors().length > 0) counts.failed++;
    }
    if (trials > 0) process.stdout.write(`${trials} take long, and are tried by npm run trials\n`);
    process.stdout.write(
      `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped + counts.pending} skipped\n`,
    );
  }
}
