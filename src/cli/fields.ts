import { leafPointers } from "../domain/change.ts";
import { canonicalJson, type Json } from "../domain/json.ts";
import { readJson } from "../domain/json-door.ts";
import { parsePointer, valueAt } from "../domain/pointer.ts";
import { plain } from "./plain.ts";

/** The value of a text that the door takes without a word; undefined for any other, which a list of its fields might misrepresent. */
function plainValue(bytes: Uint8Array): Json | undefined {
  try {
    const { value, violations, notices } = readJson(bytes);
    return violations.length + notices.length === 0 ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A JSON document as one line for each leaf, `/pointer: value`, in the order of its keys; what is not plain JSON as it is. */
export function fieldsText(bytes: Uint8Array): string | Uint8Array {
  const value = plainValue(bytes);
  if (value === undefined) return bytes;
  const sorted = JSON.parse(canonicalJson(value)) as Json;
  const lines = Array.from(leafPointers(sorted), (pointer) => {
    const leaf = valueAt(sorted, parsePointer(pointer) ?? []);
    return plain(`${pointer || '""'}: ${JSON.stringify(leaf)}`);
  });
  return `${lines.join("\n")}\n`;
}
