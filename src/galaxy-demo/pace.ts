/** How long (ms) things take on the stand-in. */
export interface Pace {
  /** An invocation is `new`. */
  readonly new: number;
  /** After that it waits for data to be fetched; 0: it does not. */
  readonly materialize: number;
  /** It is `ready`; half way through its jobs are made. */
  readonly ready: number;
  readonly queued: number;
  readonly running: number;
  /** From the end of all jobs to the look of the monitor that makes an invocation `completed`. */
  readonly monitor: number;
  readonly cancelling: number;
}

/** The pace at which a job runs so many seconds and everything else takes a fifth of it. */
export function paceOf(seconds: number): Pace {
  const running = seconds * 1000;
  const rest = running / 5;
  return { new: rest, materialize: 0, ready: rest, queued: rest, running, monitor: rest, cancelling: rest };
}
