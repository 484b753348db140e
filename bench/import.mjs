// A conversation with `git fast-import`, by which repositories are made quickly.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Bytes that are collected before they go down the pipe. */
const CHUNK = 1 << 20;

/** A running `git fast-import`. Marks are numbers that the caller chooses; `end` makes everything visible. */
export class FastImport {
  #child;
  #lines;
  #waiting = [];
  #gone;

  /** `flags` go to fast-import, `settings` to git (`-c`). */
  constructor(gitDir, flags = [], settings = []) {
    const options = settings.flatMap((setting) => ["-c", setting]);
    this.#child = spawn(
      "git",
      [...options, "--git-dir", gitDir, "fast-import", "--quiet", "--force", "--done", ...flags],
      {
        stdio: ["pipe", "pipe", "inherit"],
        env: { ...process.env, RUNTREE_MAINTENANCE: "1" },
      },
    );
    this.#gone = once(this.#child, "exit");
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#lines.on("line", (line) => this.#waiting.shift()?.(line));
  }

  #parts = [];
  #length = 0;

  /** Sends commands; several calls go down the pipe together. Await it, so that the pipe is not overrun. */
  async write(text) {
    this.#parts.push(text);
    this.#length += text.length;
    if (this.#length > CHUNK) await this.flush();
  }

  async flush() {
    const text = this.#parts.join("");
    this.#parts = [];
    this.#length = 0;
    if (text !== "" && !this.#child.stdin.write(text)) await once(this.#child.stdin, "drain");
  }

  /** Sends commands that answer with so many lines, and returns these. */
  async ask(text, lines = 1) {
    const answers = Array.from({ length: lines }, () => new Promise((resolve) => this.#waiting.push(resolve)));
    await this.write(text);
    await this.flush();
    return Promise.race([Promise.all(answers), this.#ended()]);
  }

  async #ended() {
    const [code] = await this.#gone;
    throw new Error(`git fast-import ended with ${code}`);
  }

  /** Ends it; throws when it was not content. */
  async end() {
    await this.write("done\n");
    await this.flush();
    this.#child.stdin.end();
    const [code] = await this.#gone;
    if (code !== 0) throw new Error(`git fast-import ended with ${code}`);
  }
}

/** The command that makes a blob. */
export function blob(mark, text) {
  return `blob\nmark :${mark}\ndata ${Buffer.byteLength(text)}\n${text}\n`;
}

/** The command that begins a commit; file commands follow. `from` and `merge` are commit ids or marks with their colon. */
export function commit(ref, mark, { seconds, message, from, merge }) {
  const who = (name) => `${name} <${name}@runtree.invalid> ${seconds} +0000`;
  const parents = [from === undefined ? "" : `from ${from}\n`, merge === undefined ? "" : `merge ${merge}\n`].join("");
  return `commit ${ref}\nmark :${mark}\nauthor ${who("bench")}\ncommitter ${who("runtree")}\ndata ${Buffer.byteLength(message)}\n${message}\n${parents}`;
}
