import { readFileSync } from "node:fs";

/** The name and version of this program. */
export const PROGRAM = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly name: string;
  readonly version: string;
};
