import type { Argv, CommandModule } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import type { QueryOf } from "../contract/operations.ts";
import type { Wire } from "../contract/wire.ts";
import { RuntreeError } from "../domain/errors.ts";
import type { JsonObject } from "../domain/json.ts";
import { readBodyFile } from "./body-file.ts";
import { askingCommand, type Flags, type Found, groupOf, keyFlag, keyHeader, pageAsked, pageFlags } from "./command.ts";
import { type Hint, hinted, unknownTemplate } from "./hint.ts";
import { memberOf, paramsFlags, paramsMember, requireMembers, takenAway, withoutFlag } from "./job-flags.ts";
import { EXECUTORS, jsonRow, row, WHO_WORKS } from "./job-text.ts";
import { facts, table } from "./table.ts";

type Template = Wire<"template#Template">;

const STATUSES = ["active", "archived"] as const;

/** Members that are texts or numbers, by the flags that give them. */
const MEMBERS = {
  title: { member: "title", type: "string", describe: "what people call it" },
  narrative: { member: "narrative", type: "string", describe: "what it is for, in words" },
  "template-version": { member: "version", type: "string", describe: "its version" },
  retries: {
    member: "retries",
    type: "number",
    describe: "how often a job that failed is tried again by itself: 0 to 2",
  },
  timeout: { member: "timeout_s", type: "number", describe: "seconds that a job may take" },
  "skip-exit-code": {
    member: "skip_exit_code",
    type: "number",
    describe: "the exit code that says there was nothing to do",
  },
  workflow: { member: "workflow_name", type: "string", describe: "have a Galaxy run the workflow of this name" },
  "workflow-id": { member: "workflow_id", type: "string", describe: "the same by its id" },
  "history-name": {
    member: "history_name",
    type: "string",
    describe: "what the names of histories in Galaxy begin with",
  },
  server: { member: "server", type: "string", describe: "the Galaxy of the server's configuration that is asked" },
} as const;

function templateFlags(yargs: Argv, paramsAre: string): Argv {
  const more = Object.entries(MEMBERS).reduce(
    (all, [name, { type, describe }]) => all.option(name, { type, describe }),
    paramsFlags(keyFlag(yargs), paramsAre),
  );
  return more
    .option("params-schema", { type: "string", describe: "file with a JSON Schema that the params of a job must fit" })
    .option("command", { type: "string", describe: "run this command of the server's configuration" })
    .option("external", { type: "boolean", describe: "agents do the work" })
    .option("inputs", { type: "string", describe: "file with what goes to the workflow's inputs, by label or index" })
    .option("mapping", { type: "string", describe: "file that says which documents are made of what ended well" })
    .option("body", {
      type: "string",
      describe: "file with members as the API has them; other flags go over it; - for standard input",
    })
    .conflicts("command", ["external", "workflow", "workflow-id"])
    .conflicts("external", ["workflow", "workflow-id"])
    .conflicts("workflow", "workflow-id");
}

/** What a change can take away, by its flag. */
const REMOVABLE: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(MEMBERS).map(([flag, { member }]) => [flag, member])),
  params: "default_params",
  "params-schema": "params_schema",
  command: "command",
  inputs: "inputs",
  mapping: "mapping",
};

const idOf = (flags: Flags): string => String(flags["template"]);

/** The members that a file gives, which may name the template. Throws `bad_request` where it names another. */
function bodyMembers(path: string, id: string): JsonObject {
  const { template_id: named = id, ...members } = readBodyFile(path);
  if (named === id) return members;
  const words = `The template is ${id} by its argument, and ${JSON.stringify(named)} in ${path}; give one id.`;
  throw new RuntreeError("bad_request", words);
}

/** The member that a flag gives by the name of a file; none without the flag. */
function fileMember(name: string, flags: Flags): JsonObject {
  return flags[name] === undefined ? {} : { [name]: readBodyFile(String(flags[name])) };
}

/** The members of a template that the flags give; null stands for one that is taken away. */
function templateMembers(flags: Flags): JsonObject {
  const { body, external, command, "params-schema": schema } = flags;
  return {
    ...(body === undefined ? {} : bodyMembers(String(body), idOf(flags))),
    ...(external === true ? { executor: "external" } : {}),
    ...(command === undefined ? {} : { executor: "process", ...memberOf("command", command) }),
    ...(flags["workflow"] === undefined && flags["workflow-id"] === undefined ? {} : { executor: "galaxy" }),
    ...fileMember("inputs", flags),
    ...fileMember("mapping", flags),
    ...Object.fromEntries(
      Object.entries(MEMBERS).flatMap(([flag, { member }]) => Object.entries(memberOf(member, flags[flag]))),
    ),
    ...paramsMember("default_params", flags),
    ...(schema === undefined ? {} : { params_schema: readBodyFile(String(schema)) }),
    ...memberOf("status", flags["status"]),
    ...Object.fromEntries(takenAway(flags).map((flag) => [REMOVABLE[flag], null])),
  };
}

function templateText(template: Template): string {
  return facts([
    ["template", template.template_id],
    ...row("title", template.title),
    ...row("narrative", template.narrative),
    ...row("version", template.version),
    ["status", template.status],
    ["executor", template.executor],
    ...row("command", template.command),
    ...row("workflow", template.workflow_name),
    ...row("workflow id", template.workflow_id),
    ...row("galaxy", template.server),
    ...row("histories", template.history_name),
    ...jsonRow("inputs", template.inputs),
    ...jsonRow("mapping", template.mapping),
    ...jsonRow("params", template.default_params),
    ...jsonRow("schema", template.params_schema),
    ...row("retries", template.retries),
    ...row("timeout", template.timeout_s === null ? null : `${template.timeout_s} s`),
    ...row("skipped by", template.skip_exit_code === null ? null : `exit code ${template.skip_exit_code}`),
  ]);
}

function shownTemplate(template: Template): Found {
  return [template, templateText(template)];
}

async function create(client: RuntreeClient, flags: Flags): Promise<Found> {
  const template_id = idOf(flags);
  const members = templateMembers(flags);
  if (members["executor"] === undefined)
    throw new RuntreeError(
      "bad_request",
      "Say who does the work: --command NAME for a command of the server's configuration, or --external for agents.",
    );
  const body = { ...members, template_id } as unknown as Wire<"template#CreateTemplate">;
  const asked = client.call("createTemplate", { body, headers: keyHeader(flags) });
  return shownTemplate((await hinted(asked, refusedMembers(flags))).body);
}

async function edit(client: RuntreeClient, flags: Flags): Promise<Found> {
  const body = requireMembers(templateMembers(flags)) as Wire<"template#PatchTemplate">;
  const params = { template_id: idOf(flags) };
  const asked = client.call("patchTemplate", { params, body, headers: keyHeader(flags) });
  const hints = [unknownTemplate(client, params.template_id), refusedMembers(flags)];
  return shownTemplate((await hinted(asked, ...hints)).body);
}

/** What to do about members that are refused: where they came from, or that the template is there already. */
function refusedMembers({ template, body, "params-schema": schema }: Flags): Hint {
  return (_, violations) => {
    const [first] = violations;
    if (first?.code === "duplicate") return `Change it with \`runtree template edit ${String(template)}\`.`;
    if (first?.pointer === "/params_schema")
      return schema === undefined
        ? `It is the member params_schema of ${String(body)}.`
        : `It is what --params-schema ${String(schema)} holds.`;
    if (first?.pointer.startsWith("/default_params") === true)
      return "They are given by --param and --params, and have to fit --params-schema.";
    return null;
  };
}

async function list(client: RuntreeClient, flags: Flags): Promise<Found> {
  const { status, executor } = flags;
  const query = { status, executor, ...pageAsked(flags) } as Partial<QueryOf<"listTemplates">>;
  const { body } = await client.call("listTemplates", { query });
  const rows = body.items.map((each) => [
    each.template_id,
    each.status,
    each.executor,
    each.command ?? each.workflow_name ?? each.workflow_id ?? "-",
    each.title ?? "",
  ]);
  const text = table([["TEMPLATE", "STATUS", "EXECUTOR", "DOES", "TITLE"], ...rows]);
  return [body, rows.length === 0 ? "no templates" : text];
}

function templateArgument(yargs: Argv): Argv {
  return yargs.positional("template", { type: "string", demandOption: true, describe: "template id" });
}

const subcommands: readonly CommandModule[] = [
  askingCommand(
    "create <template>",
    "make a template for jobs",
    (yargs) => templateFlags(templateArgument(yargs), "the params that its jobs have unless told"),
    create,
  ),
  askingCommand(
    "list",
    "list templates, newest first",
    (yargs) =>
      pageFlags(yargs)
        .option("status", { type: "string", choices: STATUSES, describe: "templates in this status" })
        .option("executor", {
          type: "string",
          choices: EXECUTORS,
          describe: `templates whose work is done ${WHO_WORKS}`,
        }),
    list,
  ),
  askingCommand("show <template>", "show a template", templateArgument, async (client, flags) => {
    const params = { template_id: idOf(flags) };
    const asked = client.call("getTemplate", { params });
    return shownTemplate((await hinted(asked, unknownTemplate(client, params.template_id))).body);
  }),
  askingCommand(
    "edit <template>",
    "change a template; jobs that are queued already keep their params",
    (yargs) =>
      withoutFlag(
        templateFlags(templateArgument(yargs), "a merge patch over its params").option("status", {
          type: "string",
          choices: STATUSES,
          describe: "active: jobs are made of it; archived: none",
        }),
        Object.keys(REMOVABLE),
      ),
    edit,
  ),
  askingCommand(
    "archive <template>",
    "archive a template: it stays, and no new jobs are made of it",
    templateArgument,
    async (client, flags) => {
      const params = { template_id: idOf(flags) };
      const asked = client.call("archiveTemplate", { params });
      return shownTemplate((await hinted(asked, unknownTemplate(client, params.template_id))).body);
    },
  ),
];

export const templateCommand: CommandModule = groupOf(
  "template",
  "make, list, show and change the templates that jobs are made of",
  subcommands,
  "Say what to do with a template.",
);
