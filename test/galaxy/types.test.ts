import type { components, GalaxyApiPaths } from "@galaxyproject/galaxy-api-client";
import { expectTypeOf, test } from "vitest";
import type { DatasetAnswer } from "../../src/galaxy/datasets.ts";
import type { HistoryAnswer, HistoryPayload } from "../../src/galaxy/histories.ts";
import type {
  InvocationAnswer,
  InvocationMessageAnswer,
  InvocationNameAnswer,
  InvocationOutputAnswer,
  InvocationsQuery,
  InvocationStepAnswer,
  InvokePayload,
} from "../../src/galaxy/invocations.ts";
import type { JobsSummaryAnswer } from "../../src/galaxy/jobs-summary.ts";
import type { INVOCATION_WORDS, JOB_WORDS } from "../../src/galaxy/states.ts";
import type { InputAnswer, StepAnswer, WorkflowAnswer } from "../../src/galaxy/workflows.ts";

// Nothing here runs but the names: the compiler is the test (`tsc --project test/tsconfig.json`), with the types that
// Galaxy publishes of what it says and takes.

type Schemas = components["schemas"];

/** The members of ours that Galaxy does not know in any of its forms. */
type Unknown<Ours, Theirs> = Exclude<keyof Ours, Theirs extends unknown ? keyof Theirs : never>;

/** What a call answers with 200. */
type AnswerOf<Operation> = Operation extends { responses: { 200: { content: { "application/json": infer Answer } } } }
  ? Answer
  : never;
type QueryOf<Operation> = Operation extends { parameters: { query?: infer Query } } ? NonNullable<Query> : never;
type BodyOf<Operation> = Operation extends { requestBody: { content: { "application/json": infer Body } } }
  ? Body
  : never;
type Get<Path extends keyof GalaxyApiPaths> = GalaxyApiPaths[Path]["get"];

test("the words of Galaxy are all known here, and there are no others", () => {
  expectTypeOf<keyof typeof INVOCATION_WORDS>().toEqualTypeOf<Schemas["InvocationState"]>();
  expectTypeOf<keyof typeof JOB_WORDS>().toEqualTypeOf<Schemas["JobState"]>();
});

test("what Galaxy says about an invocation is what is read", () => {
  expectTypeOf<Schemas["WorkflowInvocationElementView"]>().toExtend<InvocationAnswer>();
  expectTypeOf<Schemas["WorkflowInvocationResponse"]>().toExtend<InvocationNameAnswer>();
  expectTypeOf<AnswerOf<Get<"/api/invocations/{invocation_id}">>>().toEqualTypeOf<
    Schemas["WorkflowInvocationResponse"]
  >();
  expectTypeOf<AnswerOf<Get<"/api/invocations">>>().toExtend<readonly InvocationNameAnswer[]>();
  expectTypeOf<
    AnswerOf<GalaxyApiPaths["/api/invocations/{invocation_id}"]["delete"]>
  >().toExtend<InvocationNameAnswer>();
  expectTypeOf<AnswerOf<GalaxyApiPaths["/api/workflows/{workflow_id}/invocations"]["post"]>>().toExtend<
    InvocationNameAnswer | readonly InvocationNameAnswer[]
  >();
  expectTypeOf<AnswerOf<Get<"/api/invocations/{invocation_id}/jobs_summary">>>().toExtend<JobsSummaryAnswer>();
});

test("every member that is read is one that Galaxy has", () => {
  expectTypeOf<Unknown<InvocationAnswer, Schemas["WorkflowInvocationElementView"]>>().toBeNever();
  expectTypeOf<Unknown<InvocationStepAnswer, Schemas["InvocationStep"]>>().toBeNever();
  expectTypeOf<Unknown<InvocationMessageAnswer, Schemas["InvocationMessageResponseUnion"]>>().toBeNever();
  expectTypeOf<Unknown<InvocationOutputAnswer, Schemas["InvocationOutput"]>>().toBeNever();
  expectTypeOf<Unknown<JobsSummaryAnswer, Schemas["InvocationJobsResponse"]>>().toBeNever();
  expectTypeOf<Unknown<WorkflowAnswer, Schemas["StoredWorkflowDetailed"]>>().toBeNever();
  expectTypeOf<Unknown<InputAnswer, Schemas["WorkflowInput"]>>().toBeNever();
  expectTypeOf<Unknown<StepAnswer, Schemas["InputDataStep"]>>().toBeNever();
  expectTypeOf<Unknown<HistoryAnswer, Schemas["HistorySummary"]>>().toBeNever();
  expectTypeOf<Unknown<DatasetAnswer, Schemas["HDASummary"]>>().toBeNever();
});

test("what Galaxy says about workflows, histories and datasets is what is read", () => {
  expectTypeOf<AnswerOf<Get<"/api/workflows/{workflow_id}">>>().toExtend<WorkflowAnswer>();
  expectTypeOf<Schemas["HistorySummary"]>().toExtend<HistoryAnswer>();
  expectTypeOf<Schemas["HistoryDetailed"]>().toExtend<HistoryAnswer>();
  expectTypeOf<Schemas["HDASummary"]>().toExtend<DatasetAnswer>();
  expectTypeOf<Schemas["HDADetailed"]>().toExtend<DatasetAnswer>();
});

test("what is sent is what Galaxy takes", () => {
  // Members with a default are written as needed ones there, but may be left out.
  type Taken = BodyOf<GalaxyApiPaths["/api/workflows/{workflow_id}/invocations"]["post"]>;
  expectTypeOf<InvokePayload>().toExtend<Partial<Taken>>();
  expectTypeOf<Unknown<InvokePayload, Taken>>().toBeNever();
  expectTypeOf<Unknown<HistoryPayload, Schemas["Body_create_api_histories_post"]>>().toBeNever();
  expectTypeOf<InvocationsQuery>().toExtend<QueryOf<Get<"/api/invocations">>>();
  expectTypeOf<Unknown<InvocationsQuery, QueryOf<Get<"/api/invocations">>>>().toBeNever();
  expectTypeOf<Unknown<{ q: 1; qv: 1 }, QueryOf<Get<"/api/histories">>>>().toBeNever();
  expectTypeOf<
    Unknown<{ search: 1; limit: 1; offset: 1; skip_step_counts: 1 }, QueryOf<Get<"/api/workflows">>>
  >().toBeNever();
});
