import { statfsSync } from "node:fs";
import { RuntreeError } from "../domain/errors.ts";

/** How long (ms) an answer of the system holds. */
const LOOK_MS = 1000;

/**
 * Makes what throws `disk_full` while the disk of a folder has less than so many bytes free: with what is left the server
 * can still settle, answer and be repaired. `clock` tells ms.
 */
export function keepFree(folder: string, bytes: number, clock: () => number): () => void {
  let looked = -Infinity;
  let free = Infinity;
  return () => {
    if (clock() - looked >= LOOK_MS || clock() < looked) {
      looked = clock();
      const { bavail, bsize } = statfsSync(folder);
      free = bavail * bsize;
    }
    if (free >= bytes) return;
    const words = `The disk of ${folder} has ${free} bytes free, and ${bytes} are kept free. Free some space and send the request again.`;
    throw new RuntreeError("disk_full", words, { folder, free });
  };
}
