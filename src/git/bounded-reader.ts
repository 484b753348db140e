import { RuntreeError } from "../domain/errors.ts";
import type { ReadObject } from "./objects.ts";

/** What may be read of trees while something that strangers made is looked at. */
export interface TreeBounds {
  readonly trees: number;
  readonly bytes: number;
}

/**
 * Reads as `read` does, so many trees and bytes of trees, each as often as it is asked for: a few trees that name each
 * other again and again are more files than anybody can walk. Throws `too_large` beyond that.
 */
export function boundedReader(read: ReadObject, { trees, bytes }: TreeBounds): ReadObject {
  let left = { trees, bytes };
  return (oid) => {
    const object = read(oid);
    if (object?.type !== "tree") return object;
    left = { trees: left.trees - 1, bytes: left.bytes - object.data.length };
    if (left.trees >= 0 && left.bytes >= 0) return object;
    throw new RuntreeError("too_large", "the push changes more folders than can be looked at");
  };
}
