import { setTimeout as pause } from "node:timers/promises";
import { killGroups, type ProcessGroup } from "../store/process-group.ts";
import { type JobOrder, type JobReport, startJob } from "./job-process.ts";

// A process of its own, started by `JobRunner`: starts the jobs it is told to, tells how each gets on, and ends with
// whoever started it, however that one ended; the jobs end with it.
const running = new Map<number, ProcessGroup>();

/** How long (ms) folders have to go when there is nothing else to do; the next start removes what is left of them. */
const CLEAR_MS = 2000;

const clearing = new Set<Promise<void>>();

function clear(cleared: Promise<void>): void {
  const noted = cleared.finally(() => clearing.delete(noted));
  clearing.add(noted);
}

function tell(report: JobReport): void {
  if ("end" in report) running.delete(report.number);
  process.send?.(report, () => undefined);
}

process.on("message", (order: JobOrder) => {
  if ("stop" in order) {
    running.get(order.number)?.stop(order.stop);
    return;
  }
  const group = startJob(order, tell, clear);
  if (group !== null && group.pid !== null) running.set(order.number, group);
});
process.on("disconnect", () => {
  killGroups();
  void Promise.race([Promise.all(clearing), pause(CLEAR_MS)]).then(() => process.exit());
});
// Whoever stops all processes of a service means the one that drains.
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
