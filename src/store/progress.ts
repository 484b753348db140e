/** Hears how far work has come: what of it is being done, how much of that is done, and how much there is in all. */
export type Progress = (what: string, done: number, total: number) => void;
