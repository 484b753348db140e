// The folder of one bench: fixtures are made in it once, copied for who changes them, and all of it goes at the end.
import { cpSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addRuns, makeDocuments } from "./fixtures.mjs";
import { git } from "./processes.mjs";

/** Where repositories are made, on the disk below the system's temporary folder. */
export class Workspace {
  #folder = mkdtempSync(join(tmpdir(), "runtree-bench-"));
  #made = new Map();
  #copies = 0;

  constructor() {
    process.on("exit", () => rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
  }

  /** A path that nothing is at. */
  path(name) {
    return join(this.#folder, `${name}-${++this.#copies}`);
  }

  /** A data directory of its own with this content. @param {import("./fixtures.mjs").Content} content */
  async copy(content) {
    return this.#copyOf(await this.#fixture(content));
  }

  /** The same for stock git, as git makes repositories: no hook of ours, no setting that makes it slower. */
  async stockCopy(content) {
    const data = await this.copy(content);
    rmSync(join(data, "repo.git", "hooks"), { recursive: true });
    git(["--git-dir", join(data, "repo.git"), "config", "--unset", "core.fsync"]);
    return data;
  }

  async #fixture(content) {
    const { documents, ...runs } = content;
    const key = JSON.stringify(content);
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    let data;
    if (Object.keys(runs).length === 0) {
      data = this.path("fixture");
      await makeDocuments(data, documents);
    } else {
      data = await this.copy({ documents });
      await addRuns(data, content);
    }
    this.#made.set(key, data);
    return data;
  }

  /** Packs never change, so a copy shares them. */
  #copyOf(data) {
    const target = this.path("data");
    const packs = "repo.git/objects/pack";
    const shared = join(data, packs);
    cpSync(data, target, { recursive: true, filter: (source) => !source.startsWith(`${shared}/`) });
    mkdirSync(join(target, packs), { recursive: true });
    for (const name of readdirSync(shared)) linkSync(join(shared, name), join(target, packs, name));
    return target;
  }

  /** Removes a data directory that is done with. */
  remove(data) {
    rmSync(data, { recursive: true, force: true });
  }
}
