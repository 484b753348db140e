import type { TemplateRecord } from "../domain/job-template.ts";
import { OPS } from "../domain/layout.ts";
import { readCommit } from "../git/commit.ts";
import { readerWith, type Repository } from "../git/repository.ts";
import { walkFiles } from "../git/tree.ts";
import { readJsonBlob, treeAt } from "./documents.ts";

/** The templates on `ops`, by id; derived from Git. There are few, so their records are kept. */
export class TemplateIndex {
  readonly #templates = new Map<string, TemplateRecord>();

  constructor(repository: Repository) {
    const commit = repository.ref(OPS);
    if (commit === null) return;
    const read = readerWith(repository);
    for (const { entry } of walkFiles(read, treeAt(read, readCommit(read, commit).tree, "templates")))
      this.learn(readJsonBlob(read, entry.oid) as unknown as TemplateRecord);
  }

  /** Takes note of a template as it was just written. */
  learn(template: TemplateRecord): void {
    this.#templates.set(template.id, template);
  }

  /** A template by id; null when there is none. */
  find(id: string): TemplateRecord | null {
    return this.#templates.get(id) ?? null;
  }

  /** All of them, archived ones too, the newest first. */
  all(): TemplateRecord[] {
    return [...this.#templates.values()].sort((left, right) =>
      left.created_at === right.created_at
        ? right.id < left.id
          ? -1
          : 1
        : right.created_at < left.created_at
          ? -1
          : 1,
    );
  }
}
