import type { Refused } from "./refused.ts";
import type { Wire } from "./wire.ts";

/** A whole answer. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export function jsonReply(status: number, body: unknown): Reply {
  return { status, headers: { "Content-Type": "application/json" }, text: JSON.stringify(body) };
}

/** An error in Galaxy's form. */
export function errorReply({ status, code, message }: Pick<Refused, "status" | "code" | "message">): Reply {
  const body: Wire["MessageExceptionModel"] = { err_code: code, err_msg: message };
  return jsonReply(status, body);
}

/** A page of the proxy in front of a Galaxy. */
export function pageReply(status: number, title: string): Reply {
  const text = `<html>\r\n<head><title>${title}</title></head>\r\n<body><center><h1>${title}</h1></center></body>\r\n</html>\r\n`;
  return { status, headers: { "Content-Type": "text/html" }, text };
}
