import type { Shapes } from "./shapes.ts";

type DeepReadonly<Value> = Value extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : Value extends object
    ? { readonly [Key in keyof Value]: DeepReadonly<Value[Key]> }
    : Value;

/** A shape of `schemas/` as a type. */
export type Wire<Name extends keyof Shapes> = DeepReadonly<Shapes[Name]>;
