import { expect, test } from "vitest";
import { traceOf } from "../../src/http/trace.ts";
import { call } from "../support/http.ts";
import { startServer } from "../support/server.ts";

const ID = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

test.each([`00-${ID}-${SPAN}-01`, `00-${ID}-${SPAN}-00`, `cc-${ID}-${SPAN}-01-what-comes-later`])(
  "a request of the trace %s goes on with it, as a span of its own",
  (header) => {
    const trace = traceOf(header);
    expect(trace?.id).toBe(ID);
    expect(trace?.parent).toMatch(new RegExp(`^00-${ID}-(?!${SPAN})[0-9a-f]{16}-0[01]$`));
  },
);

test.each([
  "",
  "nonsense",
  `ff-${ID}-${SPAN}-01`,
  `00-${"0".repeat(32)}-${SPAN}-01`,
  `00-${ID}-${"0".repeat(16)}-01`,
  `00-${ID.toUpperCase()}-${SPAN}-01`,
  `00-${ID}-${SPAN}-1`,
  `00-${ID}-${SPAN}-01x`,
])("what is no trace (%s) is passed over", (header) => {
  expect(traceOf(header)).toBe(null);
});

test("the trace of a request is in its answer and in the log", async () => {
  const server = await startServer();
  const { headers } = await call(server, "getHealth", { headers: { traceparent: `00-${ID}-${SPAN}-01` } });
  expect(headers.get("traceparent")).toContain(ID);
  await server.stop();
  expect(server.log()).toContain(`"trace_id":"${ID}"`);
});
