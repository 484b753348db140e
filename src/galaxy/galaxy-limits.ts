/** What a client allows a server, and itself. Times are ms. */
export interface GalaxyLimits {
  readonly connections: number;
  readonly connectMs: number;
  /** For one request, from its beginning to the last byte of the answer, waiting for a connection included. */
  readonly answerMs: number;
  /** For a call with whatever is tried again. */
  readonly callMs: number;
  readonly answerBytes: number;
  /** How often a call that only reads is tried again. */
  readonly retries: number;
  /** The wait before the first of those, before jitter; doubled each time. */
  readonly retryMs: number;
  /** After so many failures in a row the server rests. */
  readonly failures: number;
  /** The first rest, before jitter; doubled each time. */
  readonly restMs: number;
  readonly mostRestMs: number;
  /** The longest rest that the server itself can ask for. */
  readonly mostAskedRestMs: number;
}

export const GALAXY_LIMITS: GalaxyLimits = {
  connections: 8,
  connectMs: 10_000,
  answerMs: 30_000,
  callMs: 60_000,
  answerBytes: 16_777_216,
  retries: 2,
  retryMs: 250,
  failures: 5,
  restMs: 1000,
  mostRestMs: 30_000,
  mostAskedRestMs: 300_000,
};
