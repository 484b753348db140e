import { createHash } from "node:crypto";
import { Refused } from "./refused.ts";

const ENCODED = /^(?:[0-9a-f]{16})+$/;

/** Makes ids as Galaxy encodes them: 16 hexadecimal digits, the same ones for the same sequence of calls. */
export class Ids {
  #made = 0;

  #digest(): string {
    this.#made++;
    return createHash("sha256").update(String(this.#made)).digest("hex");
  }

  next(): string {
    return this.#digest().slice(0, 16);
  }

  uuid(): string {
    const digits = this.#digest();
    return [digits.slice(0, 8), digits.slice(8, 12), `4${digits.slice(13, 16)}`, `8${digits.slice(17, 20)}`]
      .concat(digits.slice(20, 32))
      .join("-");
  }
}

/** Returns an id that may be one; refuses another with Galaxy's 400009. */
export function decodable(id: string): string {
  if (ENCODED.test(id)) return id;
  throw new Refused(400, 400009, `Malformed id ( ${id} ) specified, unable to decode`);
}
