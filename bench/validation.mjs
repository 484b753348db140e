// Row: what the gate's checks add to ajv's own work.
import { rates } from "./measure.mjs";
import { startSide } from "./processes.mjs";
import { row } from "./rows.mjs";

export const names = ["validate:ajv"];

const DOCUMENTS = 1000;

export async function measure({ workspace, plan }) {
  const side = await startSide("checks", {
    data: await workspace.copy({ documents: DOCUMENTS }),
    documents: DOCUMENTS,
  });
  const found = await rates(
    { ours: (milliseconds) => side.call("gate", milliseconds), ajv: (milliseconds) => side.call("ajv", milliseconds) },
    plan,
  );
  await side.end();
  return [row("validate:ajv", { ours: found.ours, reference: "bare ajv", value: found.ajv, durable: false })];
}
