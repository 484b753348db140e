// Starts a program again and again, and waits for the end of each: what any executor of processes does.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { repeatFor } from "../measure.mjs";

export async function open({ program }) {
  const one = async () => {
    const [code] = await once(spawn(program), "exit");
    if (code !== 0) throw new Error(`${program} ended with ${code}`);
  };
  return {
    oneByOne: (milliseconds) => repeatFor(milliseconds, 1, one),
    twoAtOnce: (milliseconds) => repeatFor(milliseconds, 2, one),
  };
}
