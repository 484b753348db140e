import { type CommandRequest, runCommand } from "./run-command.ts";

// A process of its own, started by `CommandRunner`: runs what it is told to, tells how each command ended, and ends with
// whoever started it, however that one ended; the commands end with it.
process.on("message", ({ number, command, input, limits }: CommandRequest) => {
  void runCommand(command, input, limits).then((end) => process.send?.({ number, end }, () => undefined));
});
process.on("disconnect", () => process.exit());
// Whoever stops all processes of a service means the one that drains.
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
