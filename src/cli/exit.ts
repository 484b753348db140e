import { PROBLEMS } from "../contract/problems.ts";
import { type ErrorCode, RuntreeError } from "../domain/errors.ts";

/** Exit codes of every command (WIRE §9). */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  invalid: 3,
  conflict: 4,
  notAllowed: 5,
  notFound: 6,
  unreachable: 7,
} as const;

const BY_STATUS: Readonly<Record<number, number>> = {
  400: EXIT.usage,
  401: EXIT.notAllowed,
  403: EXIT.notAllowed,
  404: EXIT.notFound,
  409: EXIT.conflict,
  412: EXIT.conflict,
  413: EXIT.invalid,
  415: EXIT.invalid,
  422: EXIT.invalid,
};

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  malformed_json: EXIT.invalid,
  template_invalid: EXIT.invalid,
  address_not_allowed: EXIT.notAllowed,
  repository_locked: EXIT.conflict,
  repository_not_ours: EXIT.notFound,
  bad_configuration: EXIT.usage,
  unreachable: EXIT.unreachable,
  galaxy_error: EXIT.unreachable,
  galaxy_timeout: EXIT.unreachable,
};

/** The exit code that an error means. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof RuntreeError)) return EXIT.failed;
  const { status: told } = (error.data["problem"] ?? {}) as { readonly status?: number };
  // A server that was reached refused what was sent.
  if (told !== undefined && told === PROBLEMS[error.code]?.refused) return BY_STATUS[told] ?? EXIT.failed;
  return BY_CODE[error.code] ?? BY_STATUS[PROBLEMS[error.code]?.status ?? 500] ?? EXIT.failed;
}
