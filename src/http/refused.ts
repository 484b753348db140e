import { RuntreeError } from "../domain/errors.ts";
import { doorViolation } from "../domain/verdict.ts";

/** The error of something beside the body that cannot be understood; the pointer names it. */
export function refused(pointer: string, message: string): RuntreeError {
  return new RuntreeError("bad_request", message, { errors: [doorViolation("schema", pointer, message)] });
}
