import { type FileSystem, makeFolder } from "./files.ts";

/**
 * Marks branches that we are about to move in the journal while stock git may move them, too. Git's hook looks for the
 * mark when it holds git's own lock, and we look for that lock when the mark is there: so one side always sees the other.
 * A mark that a crash left is cleared when the journal is settled at the next start.
 */
export class MovingMarks {
  readonly #fs: FileSystem;
  readonly #folder: string;

  constructor(fs: FileSystem, gitDir: string) {
    this.#fs = fs;
    this.#folder = `${gitDir}/runtree/moving`;
  }

  /** Where a branch such as `refs/heads/runs/<id>` is marked: by the last part of its name. */
  #path(ref: string): string {
    return `${this.#folder}/${ref.slice(ref.lastIndexOf("/") + 1)}`;
  }

  /**
   * Marks branches while they are moved, and on until stock git sees them moved. Where that fails it is tried again
   * later, and the mark stands until the next start. Throws what moving throws; nothing is marked then.
   */
  async around(refs: readonly string[], move: () => Promise<void>, settle: () => Promise<void>): Promise<void> {
    makeFolder(this.#fs, this.#folder);
    for (const ref of refs) this.#fs.writeFileSync(this.#path(ref), "");
    try {
      await move();
    } catch (error) {
      this.#remove(refs);
      throw error;
    }
    settle().then(
      () => this.#remove(refs),
      () => undefined,
    );
  }

  #remove(refs: readonly string[]): void {
    for (const ref of refs) this.#fs.rmSync(this.#path(ref), { force: true });
  }

  /** Takes the marks away that an earlier life left. */
  clear(): void {
    this.#fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}
