// The client from a program of your own, where it is `from "runtree"`:
//   node examples/client.mjs http://127.0.0.1:7400
import { hasCode, httpTransport, RuntreeClient } from "../dist/index.js";

const client = new RuntreeClient(httpTransport(process.argv[2] ?? "http://127.0.0.1:7400"));
const print = (text) => process.stdout.write(`${text}\n`);

// Start a run and submit to it; then a JSON Patch, which also says that it is done.
const study = { title: "Lake cores, by a program" };
const { body: run } = await client.call("startRun", {
  params: { job_id: "custom" },
  body: { body: { study_set: { "st-client": study } } },
});
const { body: done } = await client.call("patchRun", {
  params: { run_id: run.id },
  query: { done: true },
  body: [{ op: "add", path: "/study_set/st-client/description", value: "As written by examples/client.mjs" }],
});
print(`merged ${done.merge.commit}`);

// Every document of a collection, page after page.
for await (const { id, document } of client.items("listDocuments", { params: { collection: "study_set" } }))
  print(`study_set/${id}: ${document.title}`);

// A merge that is refused is an error with a code, and the problem as it was answered.
try {
  await client.call("startRun", {
    params: { job_id: "custom" },
    body: { done: true, body: { biosample_set: { "bsm-client": { associated_studies: ["st-nowhere"] } } } },
  });
} catch (error) {
  if (!hasCode(error, "validation_failed")) throw error;
  for (const { code, pointer } of error.data.problem.errors) print(`refused: ${code} ${pointer}`);
}
