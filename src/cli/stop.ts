/** A second signal within this time is the same one: npm delivers it twice. */
const SAME_SIGNAL_MS = 1000;

/** How long (ms) a stop may take: requests, streams, maintenance and settling each end sooner. */
const STOP_MS = 30_000;

/** Resolves at SIGTERM or SIGINT. From then on a stop is bounded, and a later second signal ends the process at once. */
export async function toldToStop(): Promise<void> {
  return new Promise((resolve) => {
    let first = 0;
    const onSignal = (): void => {
      const now = Date.now();
      if (first === 0) {
        first = now;
        setTimeout(giveUp, STOP_MS).unref();
        resolve();
      } else if (now - first > SAME_SIGNAL_MS) process.exit(1);
    };
    process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  });
}

/** Ends a stop that hangs. What was acknowledged is in the journal, and the next start brings it where stock git looks. */
function giveUp(): never {
  process.stderr.write(`runtree: not everything ended in ${STOP_MS / 1000} s; the next start finishes the rest\n`);
  process.exit(1);
}
