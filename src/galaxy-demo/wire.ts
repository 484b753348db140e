import type { components } from "@galaxyproject/galaxy-api-client";

/** Galaxy's shapes as it publishes them. Whatever the stand-in answers is typed with these, so that it cannot drift. */
export type Wire = components["schemas"];

export type InvocationState = Wire["InvocationState"];
export type JobState = Wire["JobState"];

/** A moment (ms since 1970) as Galaxy writes it: UTC, microseconds, no zone. */
export function stamp(moment: number): string {
  return `${new Date(moment).toISOString().slice(0, -1)}000`;
}
