import type { Operation } from "./operation.ts";

/** What the service tells of itself. */
export const SERVICE_OPERATIONS = {
  getOpenApi: {
    method: "GET",
    path: "/openapi.json",
    summary: "Describe every operation, as an OpenAPI 3.1 document.",
    role: null,
    success: 200,
    response: "service#OpenApi",
    problems: [],
  },
  getHealth: {
    method: "GET",
    path: "/healthz",
    summary: "Say that the process is alive.",
    role: null,
    success: 200,
    response: "service#Health",
    problems: [],
  },
  getReadiness: {
    method: "GET",
    path: "/readyz",
    summary: "Say whether requests can be served.",
    role: null,
    success: 200,
    response: "service#Readiness",
    problems: [],
  },
  getVersion: {
    method: "GET",
    path: "/version",
    summary: "Say what program this is.",
    role: null,
    success: 200,
    response: "service#Version",
    problems: [],
  },
} as const satisfies Record<string, Operation>;
