import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { RuntreeError, systemCode } from "../domain/errors.ts";
import { findClone, gitLine, holdsRecord, ownGit } from "./clone.ts";

/** What became of the pre-push hook; `line` is what its owner may add to one that is not ours. */
export interface Hook {
  readonly path: string;
  readonly state: "installed" | "removed" | "absent" | "not_ours";
  readonly line?: string;
}

/** What was set up in a clone, or taken away. */
export interface SetUp {
  readonly clone: string;
  readonly config: Readonly<Record<string, string>>;
  readonly attributes: { readonly path: string; readonly lines: readonly string[] };
  readonly hook: Hook;
}

/** A text as one word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A program of ours, for a shell: this Node with this copy of Runtree. */
function ours(file: "main.js" | "textconv.js"): { node: string; script: string; call: string } {
  const [node, script] = [process.execPath, fileURLToPath(new URL(file, import.meta.url))];
  return { node, script, call: `${quoted(node)} ${quoted(script)}` };
}

/** The settings, by their names. */
function settings(): Record<string, string> {
  // In a driver's command `%` begins what git puts in.
  const driver = `${ours("main.js").call.replaceAll("%", "%%")} git merge-driver`;
  return {
    "merge.runtree.name": "field by field, as Runtree merges",
    "merge.runtree.driver": `${driver} %O %A %B %P`,
    "merge.runtree.recursive": "runtree-base",
    "merge.runtree-base.name": "one base of several, as Runtree makes it",
    "merge.runtree-base.driver": `${driver} --base-only %O %A %B %P`,
    "diff.runtree.textconv": ours("textconv.js").call,
  };
}

const ATTRIBUTES = [
  "metadata/**/*.json merge=runtree diff=runtree",
  "schemas/*.json merge=runtree",
  "runtree.json merge=runtree",
];
const [BEGIN, END] = ["# >>> runtree git setup", "# <<< runtree git setup"];

/** A file of attributes with our lines, or without them; what others wrote stays. */
function withAttributes(text: string, lines: readonly string[]): string {
  const own = new RegExp(`^${BEGIN}\n[^]*?^${END}\n`, "gm");
  const others = text.replace(own, "");
  if (lines.length === 0) return others;
  const gap = others === "" || others.endsWith("\n") ? "" : "\n";
  return `${others}${gap}${[BEGIN, ...lines, END].join("\n")}\n`;
}

/** By this line a hook is ours. */
const HOOK_MARK = "# Made by `runtree git setup`, which also takes it away: `runtree git setup --remove`.";

/** The hook. A clone must not be held up by a program that is not there any more. */
function hookText(): string {
  const { node, script } = ours("main.js");
  return `#!/bin/sh
${HOOK_MARK}
node=${quoted(node)}
runtree=${quoted(script)}
if test -x "$node" && test -f "$runtree"; then
  exec "$node" "$runtree" git pre-push "$@"
fi
echo "runtree: nothing is checked before the push: $runtree or $node is gone; set it up again with: runtree git setup" >&2
`;
}

/** What the owner of another hook may put at its beginning. Standard input can be read once. */
function lineFor(call: string): string {
  return `refs=$(cat); printf '%s\\n' "$refs" | ${call} git pre-push "$@" || exit`;
}

/** Where the pre-push hook lies, and whether it may be written: not a folder of hooks that other repositories use, too. */
async function hookPlace(): Promise<{ path: string; shared: boolean }> {
  const folder = await gitPath("hooks");
  const scope = await gitLine("config", "--show-scope", "--get", "core.hooksPath");
  return { path: `${folder}/pre-push`, shared: scope !== null && !/^(local|worktree)\t/.test(scope) };
}

/** Where git has something of this clone. Throws `git_failed`. */
async function gitPath(name: "hooks" | "info/attributes"): Promise<string> {
  const path = await gitLine("rev-parse", "--path-format=absolute", "--git-path", name);
  if (path === null) throw new RuntreeError("git_failed", `git does not say where it has ${name}.`, { name });
  return path;
}

function isOurHook(path: string): boolean {
  return existsSync(path) && readFileSync(path, "utf8").includes(HOOK_MARK);
}

async function setHook(): Promise<Hook> {
  const { path, shared } = await hookPlace();
  if (shared || (existsSync(path) && !isOurHook(path)))
    return { path, state: "not_ours", line: lineFor(ours("main.js").call) };
  write(path, hookText());
  chmodSync(path, 0o755);
  return { path, state: "installed" };
}

async function removeHook(): Promise<Hook> {
  const { path } = await hookPlace();
  if (!existsSync(path)) return { path, state: "absent" };
  if (!isOurHook(path)) return { path, state: "not_ours" };
  rmSync(path);
  return { path, state: "removed" };
}

/** Writes a file, and the folders above it. Throws `io_failed`. */
function write(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (error) {
    const words = `${path} cannot be written (${systemCode(error) ?? String(error)}). Mend that and set up again; \`runtree git setup --remove\` takes away what is set up already.`;
    throw new RuntreeError("io_failed", words, { path }, error);
  }
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

async function changeConfig(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await ownGit("config", "--local", ...args);
  // 5: there was nothing to take away.
  if (code !== 0 && code !== 5)
    throw new RuntreeError("git_failed", `git config ended with ${code}: ${stderr.trim()}`, { code });
}

/**
 * Teaches the clone around the current folder to merge, show and check documents as Runtree does; nothing outside its
 * git folder is written, and doing it again changes nothing. Throws `repository_not_ours`, `repository_unsupported`.
 */
export async function setUp(): Promise<SetUp> {
  const clone = await findClone();
  if (!(await holdsRecord()))
    throw new RuntreeError(
      "repository_not_ours",
      `${clone} is not a clone of a record: no main in it has a runtree.json. Go into one, or fetch its main first.`,
      { clone },
    );
  const config = settings();
  for (const [name, value] of Object.entries(config)) await changeConfig("--replace-all", name, value);
  const path = await gitPath("info/attributes");
  write(path, withAttributes(textOf(path), ATTRIBUTES));
  return { clone, config, attributes: { path, lines: ATTRIBUTES }, hook: await setHook() };
}

/** Takes away what `setUp` made in the clone around the current folder, and nothing else. Throws as `setUp` does. */
export async function takeAway(): Promise<SetUp> {
  const clone = await findClone();
  const config = settings();
  for (const name of Object.keys(config)) await changeConfig("--unset-all", name);
  const path = await gitPath("info/attributes");
  const left = withAttributes(textOf(path), []);
  if (left !== "") write(path, left);
  else rmSync(path, { force: true });
  return { clone, config, attributes: { path, lines: ATTRIBUTES }, hook: await removeHook() };
}
