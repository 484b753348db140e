import fs from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { RuntreeError } from "../domain/errors.ts";
import type { JournalRange } from "./journal-segments.ts";
import { OwnThreadSettler, type SettleAnswer } from "./settler.ts";

const settler = new OwnThreadSettler(fs, workerData as string);

async function answer(ranges: readonly JournalRange[]): Promise<SettleAnswer> {
  try {
    return { lost: await settler.settle(ranges) };
  } catch (error) {
    return error instanceof RuntreeError
      ? { code: error.code, message: error.message, data: error.data }
      : { code: null, message: String(error), data: {} };
  }
}

parentPort?.on("message", (ranges: readonly JournalRange[]) => {
  void answer(ranges).then((told) => parentPort?.postMessage(told));
});
