import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** Takes note of what is to be done when a test, or something longer, has ended. */
export type Until = (cleanUp: () => void | Promise<void>) => void;

/** Makes a folder that is gone when the test (or whatever `until` names) has ended. */
export function temporaryFolder(until: Until = onTestFinished): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "runtree-test-")));
  until(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
