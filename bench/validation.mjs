// Row: what the gate's checks add to ajv's own work.
import { measurementsOf, rates } from "./measure.mjs";
import { row } from "./rows.mjs";

export const names = ["validate:ajv"];

const DOCUMENTS = 1000;

/** Measures the row, both sides in one process. */
export async function measure({ workspace, opening, plan }) {
  const side = opening.side("checks", { data: await workspace.copy({ documents: DOCUMENTS }), documents: DOCUMENTS });
  const found = await rates(await measurementsOf({ ours: [side, "gate"], ajv: [side, "ajv"] }), plan);
  return [row("validate:ajv", { ours: found.ours, reference: "bare ajv", value: found.ajv, durable: false })];
}
