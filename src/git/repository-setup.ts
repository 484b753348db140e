import machineDisk from "node:fs";
import { fileURLToPath } from "node:url";
import { type FileSystem, makeFolder, readFileOrNull, replaceFile, syncPath } from "./files.ts";
import type { NativeGit } from "./native.ts";

/** In a source tree and in a build alike. */
const HOOKS = fileURLToPath(new URL("../../src/git/hooks/", import.meta.url));

/** The hooks of a repository, and what they share: plain sh, so that a push starts no Node. */
const HOOK_MODES: Readonly<Record<string, number>> = {
  "runtree-door": 0o644,
  "runtree-unserved": 0o644,
  "pre-receive": 0o755,
  "post-receive": 0o755,
  "reference-transaction": 0o755,
};

/**
 * What stock git is told about a repository of ours: every write durable, maintenance in our hands, nothing rewritten or
 * taken away by a push, bounds to what one may bring, and only what is asked for told about results.
 */
const SETTINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  core: {
    repositoryformatversion: "0",
    filemode: "true",
    bare: "true",
    fsync: "committed,reference",
    // git would list all refs once more for each push: those of the repository that a quarantine stands on.
    alternateRefsCommand: "true",
    bigFileThreshold: "1m",
  },
  gc: { auto: "0", packRefs: "false" },
  http: { getanyfile: "false", receivepack: "true" },
  receive: {
    autogc: "false",
    fsckObjects: "true",
    denyNonFastForwards: "true",
    denyDeletes: "true",
    maxInputSize: "100m",
    hideRefs: "refs/runtree/results",
  },
  // What only fsck with --strict would complain of.
  "receive.fsck": { badFilemode: "error" },
  uploadpack: { allowFilter: "true" },
};

/** The text of a new repository's `config`. */
export function settingsText(): string {
  return Object.entries(SETTINGS)
    .map(([section, values]) => {
      const lines = Object.entries(values).map(([name, value]) => `\t${name} = ${value}\n`);
      return `[${section}]\n${lines.join("")}`;
    })
    .join("");
}

/** Sets what an older version of ours did not set yet. `given` has the settings by lower-case name. Throws `git_failed`. */
export async function bringSettingsUp(
  git: NativeGit,
  gitDir: string,
  given: ReadonlyMap<string, string>,
): Promise<void> {
  for (const [section, values] of Object.entries(SETTINGS)) {
    for (const [name, value] of Object.entries(values)) {
      if (given.has(`${section}.${name}`.toLowerCase())) continue;
      await git.print(["config", "--file", `${gitDir}/config`, `${section}.${name}`, value]);
    }
  }
}

/** Puts our hooks into a repository where they are missing or older, durably. Throws `disk_full`, `io_failed`. */
export function installHooks(fs: FileSystem, gitDir: string): void {
  const names = Object.keys(HOOK_MODES);
  installInto(fs, `${gitDir}/hooks`, names);
  // For pushes that the server serves: it knows of itself what this one asks for each branch.
  installInto(
    fs,
    `${gitDir}/hooks/served`,
    names.filter((name) => name !== "reference-transaction"),
  );
}

function installInto(fs: FileSystem, folder: string, names: readonly string[]): void {
  makeFolder(fs, folder);
  let changed = false;
  for (const name of names) {
    const mode = HOOK_MODES[name] ?? 0o644;
    const bytes = machineDisk.readFileSync(`${HOOKS}${name}`);
    if (readFileOrNull(fs, `${folder}/${name}`)?.equals(bytes) === true) continue;
    replaceFile(fs, `${folder}/${name}`, bytes, mode);
    changed = true;
  }
  if (changed) syncPath(fs, folder);
}
