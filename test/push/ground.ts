import { artifactFolder, documentPath } from "../../src/domain/layout.ts";
import { type CraftedClone, type Content, newRun } from "../support/crafted.ts";

/** What hostile pushes meet: runs of several people in a repository, and a clone of it. */
export interface Ground {
  readonly clone: CraftedClone;
  /** An open run that alice pushed. */
  readonly hers: { readonly run: string; readonly tip: string };
  /** An open run that bob pushed. */
  readonly bobs: { readonly run: string; readonly tip: string };
  /** An open run that bob opened over REST. */
  readonly rest: { readonly run: string; readonly tip: string };
  /** A run of alice's that is merged, with a file that it brought along. */
  readonly merged: { readonly run: string; readonly artifact: string };
}

/** A push that must not get through, whichever way it comes. */
export interface Situation {
  readonly name: string;
  /** Makes what is pushed: each move is `<oid>:<ref>`, an oid of zeros deletes. */
  readonly made: (ground: Ground) => readonly string[];
  /** What whoever pushes is told. */
  readonly told: RegExp;
  /** Who pushes; alice, an agent, unless said otherwise. */
  readonly who?: string;
  /** git's own client would not send this: the lines of the protocol are written by hand. */
  readonly byHand?: true;
  /**
   * Without a server nobody reads JSON: what is wrong there, and nowhere else, is taken, and judged at the next start.
   * `rejected`: the gate says why in its verdict. `kept`: it does not say done, and its warnings tell why. Else it is refused at once.
   */
  readonly unserved?: "rejected" | "kept";
}

export const DONE = '{"job":"custom","done":true}\n';

/** A document that is as it should be. */
export function study(id: string): Record<string, string> {
  return { [documentPath("study_set", id, 1)]: `${JSON.stringify({ id, title: "A study" })}\n` };
}

/** A push of one new run that says done and brings a document that is well, and these files. */
export function runWith(
  { clone }: Ground,
  files: Readonly<Record<string, Content>>,
  run: string = newRun(),
): readonly string[] {
  return [`${clone.commit({ "run.json": DONE, ...study(`s-${run}`), ...files })}:refs/heads/runs/${run}`];
}

/** The same with files in the run's own folder for what it brings along. */
export function runBringing(ground: Ground, files: Readonly<Record<string, Content>>): readonly string[] {
  const run = newRun();
  const folder = artifactFolder(run);
  const named = Object.entries(files).map(([path, content]) => [`${folder}${path}`, content] as const);
  return runWith(ground, Object.fromEntries(named), run);
}
