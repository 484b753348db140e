import { expect, test } from "vitest";
import { withProgress } from "../../src/cli/progress-bar.ts";

/** A terminal that keeps what is written to it; the clock goes on by 60 ms with each look. */
function screenOf(more: { isTTY?: boolean; columns?: number }): {
  screen: { isTTY?: boolean; columns?: number; write: (text: string) => void };
  written: string[];
  clock: () => number;
} {
  const written: string[] = [];
  let now = 0;
  return { screen: { ...more, write: (text) => void written.push(text) }, written, clock: () => (now += 60) };
}

test("work is shown on a terminal only, now and then, and nothing is left of it", async () => {
  const { screen, written, clock } = screenOf({ isTTY: true, columns: 80 });
  const work = async (progress: (what: string, done: number, total: number) => void): Promise<string> => {
    for (let done = 0; done <= 40; done++) progress("commits of main", done, 40);
    return "done";
  };
  expect(await withProgress(work, screen, clock)).toBe("done");
  expect(written[0]).toMatch(/^\rcommits of main \[#+\.+\] \d+% \d+\/40\r$/);
  expect(written.length).toBeGreaterThan(5);
  expect(written.length).toBeLessThan(40);
  expect(written.at(-1)).toMatch(/^\r +\r$/);
  const lengths = written.map((text) => text.length);
  expect(lengths.at(-1)).toBe(lengths.at(-2));
  // oxlint-disable-next-line no-control-regex -- none of them may be there
  expect(written.join("")).not.toMatch(/[\u0000-\u000c\u000e-\u001f]/);

  const file = screenOf({});
  await withProgress(work, file.screen, file.clock);
  expect(file.written).toEqual([]);
});

test("a line fits the terminal, and is gone when the work fails", async () => {
  const { screen, written, clock } = screenOf({ isTTY: true, columns: 20 });
  const failing = withProgress(
    async (progress) => {
      for (let done = 0; done < 20; done++) progress("commits of main", done, 40);
      throw new Error("no");
    },
    screen,
    clock,
  );
  await expect(failing).rejects.toThrow("no");
  for (const text of written) expect(text.replaceAll("\r", "").length).toBeLessThan(20);
  expect(written.at(-1)).toMatch(/^\r +\r$/);
});

test("what is told before a long wait is shown while it lasts", async () => {
  const { screen, written } = screenOf({ isTTY: true });
  await withProgress(async (progress) => {
    progress("git fsck", 0, 0);
    await expect.poll(() => written).toEqual(["\rgit fsck …\r"]);
  }, screen);
  expect(written).toHaveLength(2);
});
