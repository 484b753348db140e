// What no store can beat: the processor's work for a submission without any writing, and a synced append of its bytes.
import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from "node:fs";
import { deflateSync } from "node:zlib";
import { repeatFor } from "../measure.mjs";
import { SubmissionObjects, submissionTarget } from "../submission.mjs";

/** Room that the log has before it is written to, as a journal gives its segments: syncing is faster than with a growing file. */
const LOG_BYTES = 64 * 1024 * 1024;
/** A submission's ref move, with its lengths and checksums. */
const REF_MOVE_BYTES = 150;
/** Operations between two looks at the clock, which would be a good part of the work otherwise. */
const BATCH = 50;

export async function open({ data, documents, runs, log }) {
  const submissions = [];
  for (let number = 0; number < runs; number++)
    submissions.push(new SubmissionObjects(await submissionTarget(data, number, documents)));
  const bytes = Buffer.alloc(
    submissions[0].next().reduce((sum, object) => sum + deflateSync(object, { level: 1 }).length, REF_MOVE_BYTES),
    7,
  );
  const file = openSync(log, "w");
  const zeros = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < LOG_BYTES; at += zeros.length) writeSync(file, zeros);
  fsyncSync(file);
  let at = 0;
  let next = 0;
  return {
    bytes: () => bytes.length,
    cpu: async (milliseconds) => {
      const round = await repeatFor(milliseconds, 1, () => {
        for (let left = BATCH; left > 0; left--) submissions[next++ % runs].next();
      });
      return { ...round, operations: round.operations * BATCH };
    },
    append: (milliseconds) =>
      repeatFor(milliseconds, 1, () => {
        if (at + bytes.length > LOG_BYTES) at = 0;
        at += writeSync(file, bytes, 0, bytes.length, at);
        fdatasyncSync(file);
      }),
    close: () => closeSync(file),
  };
}
