import type { CommandModule } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import type { Wire } from "../contract/wire.ts";
import { hasCode, RuntreeError } from "../domain/errors.ts";
import { askingCommand, type Flags, type Found, keyFlag, keyHeader } from "./command.ts";
import { type Hint, hinted } from "./hint.ts";
import { memberOf, paramsFlags, paramsMember } from "./job-flags.ts";
import { shownJob } from "./job-text.ts";
import { JOB_EXIT, waitForJob } from "./job-wait.ts";
import { note } from "./output.ts";
import { timeoutFlag } from "./wait.ts";

/** How one of several workflows of a name is told here. */
function severalWorkflows(dataset: string): Hint {
  return (error) =>
    hasCode(error, "ambiguous") ? `Tell it by its id: runtree invoke ID ${dataset} --workflow-id.` : null;
}

async function invoke(client: RuntreeClient, flags: Flags): Promise<Found> {
  const { workflow, dataset, overwrite, wait } = flags;
  if (flags["timeout"] !== undefined && wait !== true)
    throw new RuntreeError("bad_request", "--timeout says how long --wait waits; give both.");
  const body: Wire<"job#CreateJob"> = {
    dataset_id: String(dataset),
    [flags["workflow-id"] === true ? "workflow_id" : "workflow_name"]: String(workflow),
    ...(overwrite === true ? { overwrite } : {}),
    ...memberOf("server", flags["server"]),
    ...paramsMember("parameters", flags),
  };
  const asked = client.call("createJob", { body, headers: keyHeader(flags) });
  const { body: job } = await hinted(asked, severalWorkflows(String(dataset)));
  if (wait !== true) return shownJob(job);
  note(`waiting for job ${job.job_id}; Ctrl-C ends the wait, and not the job`);
  return waitForJob(client, flags, job.job_id);
}

export const invokeCommand: CommandModule = askingCommand(
  "invoke <workflow> <dataset>",
  "have a Galaxy run a workflow for a dataset",
  (yargs) =>
    timeoutFlag(keyFlag(paramsFlags(yargs, "what goes to the workflow's inputs, by label or index, and to its steps")))
      .positional("workflow", { type: "string", demandOption: true, describe: "name of a workflow there" })
      .positional("dataset", { type: "string", demandOption: true, describe: "id of a document that is a dataset" })
      .option("workflow-id", { type: "boolean", describe: "the workflow is told by its id" })
      .option("overwrite", {
        type: "boolean",
        describe: "earlier invocations of this workflow for this dataset do not count any more",
      })
      .option("server", { type: "string", describe: "a Galaxy of the server's configuration, other than default" })
      .option("wait", { type: "boolean", describe: "wait until it has ended" })
      .epilogue(`With --wait: ${JOB_EXIT}`),
  invoke,
);
