import type { GalaxyCalls } from "./galaxy-calls.ts";
import { members, text } from "./read.ts";

/** What is read of a version. */
interface VersionAnswer {
  readonly version_major: string;
  readonly version_minor: string | null;
}

/** The version of a server, such as `26.1` or `26.1.rc1`. */
export function askVersion(galaxy: GalaxyCalls): Promise<string> {
  return galaxy.ask({
    call: "version",
    path: "/version",
    read: (answer) => {
      const { version_major: major, version_minor: minor } = members<VersionAnswer>(answer);
      return [text(major), ...(typeof minor === "string" && minor !== "" ? [text(minor)] : [])].join(".");
    },
  });
}
