/** What Galaxy refuses, with its status and its own code. */
export class Refused extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, words: string) {
    super(words);
    this.status = status;
    this.code = code;
  }
}

/** A request that lacks something (400007). */
export function missing(words: string): Refused {
  return new Refused(400, 400007, words);
}

/** A request that holds something wrong (400008). */
export function invalid(words: string): Refused {
  return new Refused(400, 400008, words);
}

/** What Galaxy has no code for (400, 0): most of what is wrong with invoking and cancelling. */
export function uncoded(words: string): Refused {
  return new Refused(400, 0, words);
}

/** Something that is not there (404001). */
export function notFound(words: string): Refused {
  return new Refused(404, 404001, words);
}
