/** Which page of a list: so many behind an offset; with `after` behind what has that id, where null is the beginning. */
export interface Page {
  readonly offset: number;
  readonly limit: number;
  readonly after?: string | null;
}
