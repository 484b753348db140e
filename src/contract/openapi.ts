import type { Json, JsonObject } from "../domain/json.ts";
import type { ErrorCode } from "../domain/errors.ts";
import { commonProblems, type Operation } from "./operation.ts";
import { answerTypes, bodyTypes, operation, OPERATIONS, type OperationId } from "./operations.ts";
import { MAX_IDEMPOTENCY_KEY, type Parameter } from "./parameters.ts";
import { PROBLEMS, wireCode } from "./problems.ts";

/** What the parameters in paths are. */
const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  run_id: "The id of a run: a ULID in lower case.",
  job_id: "The id of a job; `custom` always exists.",
  collection: "The name of a collection.",
  id: "The id of a document.",
  name: "The name of a schema, without `.schema.json`.",
  template_id: "The id of a template.",
  path: "The path of a file below the run's artifacts; slashes may stand as they are.",
  invocation_id: "The id that Galaxy gave.",
  asset: "The name of a file that the page at `/docs` uses.",
};

const ABOUT = `Metadata in a Git repository: a run is a branch, a submission is a commit, done is a checked merge.

All paths are also there below \`/api/v2\`. Errors are \`application/problem+json\`; every answer carries an \`X-Request-Id\`, which a request may bring along. Besides what is listed, any request may be answered 405, 408, 413 or 431.`;

/** The three ways to send a key. */
const SECURITY = {
  apiKey: { type: "apiKey", in: "header", name: "X-API-Key" },
  bearer: { type: "http", scheme: "bearer" },
  basic: { type: "http", scheme: "basic", description: "The key is the password; the name does not matter." },
} as const;

const reference = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` });

/** The definition that a shape such as \`run#Run\` is called by. */
function shapeReference(shape: string): JsonObject {
  return reference(shape.slice(shape.indexOf("#") + 1));
}

/** The definitions that a document speaks of, and those that these speak of, by name. */
function componentsFor(files: readonly JsonObject[], document: Json): JsonObject {
  const all = new Map(files.flatMap((file) => Object.entries((file["$defs"] ?? {}) as JsonObject)));
  const found = new Map<string, Json>();
  const take = (value: Json): void => {
    for (const [, name = ""] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (found.has(name)) continue;
      const text = JSON.stringify(all.get(name) ?? null);
      const schema = JSON.parse(
        text.replace(/"(?:[a-z-]+\.schema\.json)?#\/\$defs\//g, '"#/components/schemas/'),
      ) as Json;
      found.set(name, schema);
      take(schema);
    }
  };
  take(document);
  return Object.fromEntries([...found].sort(([left], [right]) => (left < right ? -1 : 1)));
}

function queryParameter([name, { description, ...schema }]: readonly [string, Parameter]): JsonObject {
  return { name, in: "query", description, schema: schema as unknown as Json };
}

function headerParameter(name: string, description: string, bounds: JsonObject = {}): JsonObject {
  return { name, in: "header", description, schema: { type: "string", ...bounds } };
}

function parametersOf({
  method,
  path,
  query = {},
  idempotent,
  conditional,
  asynchronous,
  tagged,
}: Operation): JsonObject[] {
  const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    description: PATH_PARAMETERS[name] ?? name,
    schema: { type: "string" },
  }));
  const key = "A key of the client's own: the same request again is answered, not done again; another body is refused.";
  return [
    ...inPath,
    ...Object.entries(query).map(queryParameter),
    ...(idempotent === true
      ? [headerParameter("Idempotency-Key", key, { minLength: 1, maxLength: MAX_IDEMPOTENCY_KEY })]
      : []),
    ...(asynchronous === true
      ? [headerParameter("Prefer", "`respond-async`: where done is said, answers 202 before the run is judged.")]
      : []),
    ...(conditional === true
      ? [headerParameter("If-Match", "Goes on only when the run's tip is still this one.")]
      : []),
    ...(method === "GET" && tagged === true
      ? [headerParameter("If-None-Match", "Answers 304 when it is still this.")]
      : []),
  ];
}

function answersOf(known: Operation): JsonObject {
  const { method, success, response, problems, tagged, atCommit, asynchronous, query = {} } = known;
  const header = (description: string): JsonObject => ({ description, schema: { type: "string" } });
  const headers = {
    ...(tagged === true ? { ETag: header("The entity tag.") } : {}),
    ...(success === 201 ? { Location: header("Where what was made is.") } : {}),
    ...(atCommit === true ? { "Runtree-Commit": header("The commit that was read.") } : {}),
    ...("cursor" in query ? { Link: header("The first, previous, next and last page (RFC 8288).") } : {}),
  };
  const content = Object.fromEntries(answerTypes(known).map((type) => [type, { schema: shapeReference(response) }]));
  const done = {
    description: success === 201 ? "Made." : "Done.",
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    ...(success === 204 ? {} : { content }),
  };
  const later: [string, Json][] =
    asynchronous === true
      ? [
          [
            "202",
            {
              description: "The run is `merging` and judged afterwards, as `Prefer` asked; or as it is by now.",
              headers: {
                ETag: header("The entity tag."),
                Location: header("Where the run is."),
                "Preference-Applied": header("`respond-async`."),
              },
              content,
            },
          ],
        ]
      : [];
  const byStatus = new Map<number, Set<ErrorCode>>();
  for (const code of [...problems, ...commonProblems(known)].map(wireCode)) {
    const { status, refused = status } = PROBLEMS[code];
    for (const each of [status, refused]) byStatus.set(each, (byStatus.get(each) ?? new Set()).add(code));
  }
  const refused = Array.from(byStatus, ([status, codes]): [string, Json] => {
    const words = Array.from(codes, (code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(" ");
    const schema = { allOf: [reference("Problem")], properties: { code: { enum: [...codes] } } };
    return [String(status), { description: words, content: { "application/problem+json": { schema } } }];
  });
  const unchanged: [string, Json][] =
    method === "GET" && tagged === true ? [["304", { description: "Still what `If-None-Match` says." }]] : [];
  return Object.fromEntries([[String(success), done] as [string, Json], ...later, ...unchanged, ...refused]);
}

function operationOf(id: OperationId): JsonObject {
  const known = operation(id);
  const { path, summary, role, ownRun, request, requests = {}, method } = known;
  const parameters = parametersOf(known);
  const content = Object.fromEntries(
    bodyTypes(known).map((type) => [type, { schema: shapeReference(requests[type] ?? request ?? "") }]),
  );
  return {
    operationId: id,
    summary,
    tags: [path.split("/")[1] ?? ""],
    ...(role === null
      ? { security: [] }
      : { description: `For ${role}s${ownRun === true ? ", on runs of their own, and for stewards on any" : ""}.` }),
    ...(parameters.length === 0 ? {} : { parameters }),
    // An absent body of a POST counts as an empty object.
    ...(request === undefined ? {} : { requestBody: { required: method !== "POST", content } }),
    responses: answersOf(known),
  };
}

/** The OpenAPI 3.1 document of the wire: the table of operations, and the schema files (their whole JSON) it speaks of. */
export function openApi(files: readonly JsonObject[], version: string): JsonObject {
  const paths: Record<string, Record<string, Json>> = {};
  for (const id of Object.keys(OPERATIONS) as OperationId[]) {
    const { method, path } = operation(id);
    (paths[path] ??= {})[method.toLowerCase()] = operationOf(id);
  }
  return {
    openapi: "3.1.0",
    info: { title: "Runtree", version, description: ABOUT, license: { name: "Apache 2.0", identifier: "Apache-2.0" } },
    servers: [{ url: "/" }, { url: "/api/v2" }],
    // Without keys a loopback address needs none.
    security: [{ apiKey: [] }, { bearer: [] }, { basic: [] }, {}],
    paths,
    components: {
      securitySchemes: SECURITY,
      schemas: componentsFor(files, paths),
    },
  };
}
