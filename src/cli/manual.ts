import { SETTINGS } from "../config.ts";
import { helpOf } from "./program.ts";
import { readHelp } from "./usage.ts";

/** The path of the template that ships is another on each machine. */
function anywhere(help: string): string {
  return help.replaceAll(SETTINGS.template.fallback, "data-repo-template");
}

/** The flags that every command has, which the first section tells. */
const COMMON = /^ {2}--(help|json|version) .*\n/gm;

/** The help of a command, and of those below it. */
async function sectionsOf(words: readonly string[]): Promise<string[]> {
  const help = anywhere(await helpOf(words));
  const below: string[] = [];
  for (const name of readHelp(help).commands) below.push(...(await sectionsOf([...words, name])));
  const title = ["runtree", ...words].join(" ");
  const own = words.length === 0 ? help : help.replace(COMMON, "").replace(/Options:\s*$/, "");
  return [`## ${title}\n\n\`\`\`\n${own.trimEnd()}\n\`\`\`\n`, ...below];
}

const BEGIN = `# The command line

What \`runtree <command> --help\` says of every command, written by \`npm run cli-docs\`; do not edit. From a clone, \`runtree\` is \`node dist/cli/main.js\`.

Data goes to stdout, everything else to stderr. With \`--json\`, data is JSON, an error is one line \`{"error": {"code", "detail", "errors"?, "conflicts"?, "run"?}}\` on stderr, and what is told besides is \`{"note"}\`.

| exit code | means |
|---|---|
| 0 | well |
| 1 | failed |
| 2 | the command line is not understood |
| 3 | invalid: refused by the gate or at the door, or a check found faults |
| 4 | conflict: with \`main\`, with a run's state, or with another process |
| 5 | not allowed |
| 6 | not found |
| 7 | the server cannot be reached |
`;

/** Everything that the help says, as the page docs/cli.md. */
export async function manual(): Promise<string> {
  return [BEGIN, ...(await sectionsOf([]))].join("\n");
}
