import { scheduleJob } from "node-schedule";
import { RuntreeError } from "../domain/errors.ts";

/** What a rule looks like: 5 fields or 6, or a word such as `@hourly`. The scheduler would take a date for one as well, and call once. */
const RULE = /^(?:@[a-z]+|[\w*,/?#-]+(?:\s+[\w*,/?#-]+){4,5})$/i;

/** A rule of 5 fields, or of 6 with seconds first, as what calls some work again and again. Throws `bad_configuration`. */
export function everyTime(rule: string): (work: () => void) => () => void {
  const schedule = (work: () => void): ReturnType<typeof scheduleJob> | null => {
    try {
      return scheduleJob(rule, work);
    } catch {
      return null;
    }
  };
  const tried = RULE.test(rule.trim()) ? schedule(() => undefined) : null;
  if (tried === null)
    throw new RuntreeError(
      "bad_configuration",
      `--poll cannot be ${JSON.stringify(rule)}; give a cron rule, with seconds or without.`,
      {
        name: "poll",
      },
    );
  tried.cancel();
  return (work) => {
    const job = schedule(work);
    return () => void job?.cancel();
  };
}
