import { LRUCache } from "lru-cache";
import type { Command, Commands } from "../domain/commands.ts";
import type { CheckRule } from "../domain/configuration.ts";
import type { Violation } from "../domain/verdict.ts";
import { oneLine } from "../git/commit.ts";
import { type CheckProblem, readCheckOutput } from "./check-output.ts";
import type { CheckedDocument } from "./checked-document.ts";
import { configViolation } from "./rules.ts";
import { CommandRunner } from "./command-runner.ts";
import { Slots } from "./slots.ts";
import { nameOf } from "./standing.ts";

/** How long (s) a command may take with one batch when the configuration does not say. */
const DEFAULT_SECONDS = 30;

/** Bytes that a command may write of one batch. */
const OUTPUT_BYTES = 4 * 1024 * 1024;

/** How many documents go to a command at a time, and how much text of them in UTF-16 units, unless one alone has more. */
const BATCH = 1000;
const BATCH_TEXT = 8 * 1024 * 1024;

/** How many commands run at once. */
const AT_ONCE = 4;

/** How long (ms) it is remembered that a document passed: what a command relies on beside its input may change. */
const PASSED_MS = 10 * 60 * 1000;

/** How many of these are remembered. */
const MOST_PASSED = 100_000;

/** A check of `runtree.json`, and documents that it is to judge. */
export interface CheckTask {
  readonly check: CheckRule;
  readonly documents: readonly CheckedDocument[];
}

/** What a command is told: the same words are never judged otherwise. */
function subjectOf({ collection, id, oid }: CheckedDocument, command: string): string {
  return `${command} ${oid} ${collection}/${id}`;
}

/** The line of a command's standard input that a document is. */
function lineOf({ collection, id, document }: CheckedDocument): string {
  return `${JSON.stringify({ collection, id, document })}\n`;
}

function* batchesOf(documents: Iterable<CheckedDocument>): Generator<{ documents: CheckedDocument[]; text: string }> {
  let some: CheckedDocument[] = [];
  let text = "";
  for (const document of documents) {
    const line = lineOf(document);
    if (some.length > 0 && (some.length === BATCH || text.length + line.length > BATCH_TEXT)) {
      yield { documents: some, text };
      [some, text] = [[], ""];
    }
    some.push(document);
    text += line;
  }
  if (some.length > 0) yield { documents: some, text };
}

/** Runs the operator's commands for the checks of `runtree.json`, and remembers which documents passed (ADR 12). */
export class CommandChecks {
  readonly #commands: Commands;
  readonly #report: (message: string) => void;
  readonly #runner = new CommandRunner();
  readonly #slots = new Slots(AT_ONCE);
  readonly #passed: LRUCache<string, true> = new LRUCache<string, true>({
    // Not `max`, for which all places are made at once.
    maxSize: MOST_PASSED,
    sizeCalculation: () => 1,
    ttl: PASSED_MS,
  });

  /** `report` hears what is the operator's to know of a command that failed. */
  constructor(commands: Commands, report: (message: string) => void) {
    this.#commands = commands;
    this.#report = report;
  }

  /** Makes ready to run commands, where there are any. */
  warmUp(): void {
    if (this.#commands.size > 0) this.#runner.start();
  }

  /** Ends the commands that run, which then count as failed. */
  async close(): Promise<void> {
    await this.#runner.close();
  }

  /** Begins one judgement. */
  round(): CheckRound {
    return new CheckRound(this);
  }

  /** Tells whether the operator's configuration has a command. */
  has(command: string): boolean {
    return this.#commands.has(command);
  }

  /** A command of the operator's configuration; null when there is none of that name. */
  find(command: string): Command | null {
    return this.#commands.get(command) ?? null;
  }

  /** Tells whether a command let a document pass not long ago. */
  hasPassed(command: string, document: CheckedDocument): boolean {
    return this.#passed.has(subjectOf(document, command));
  }

  /**
   * Has a command judge documents, a batch at a time, and tells `judged` of each. Returns null, or why the command could
   * not be asked or understood; then some of the documents are not judged.
   */
  async judge(
    name: string,
    documents: Iterable<CheckedDocument>,
    judged: (document: CheckedDocument, problems: readonly CheckProblem[]) => void,
  ): Promise<string | null> {
    const command = this.#commands.get(name);
    if (command === undefined) return "is not there";
    for (const { documents: some, text } of batchesOf(documents)) {
      const found = await this.#slots.take(async () => this.#ask(command, some, text));
      if (typeof found === "string") return found;
      for (const document of some) {
        const problems = found.get(nameOf(document)) ?? [];
        if (problems.length === 0) this.#passed.set(subjectOf(document, name), true);
        judged(document, problems);
      }
    }
    return null;
  }

  async #ask(
    command: Command,
    documents: readonly CheckedDocument[],
    text: string,
  ): Promise<Map<string, CheckProblem[]> | string> {
    const limits = { seconds: command.timeout_s ?? DEFAULT_SECONDS, outputBytes: OUTPUT_BYTES };
    const end = await this.#runner.run(command, text, limits);
    const said = "said" in end ? oneLine(end.said) : "";
    const found = "output" in end ? readCheckOutput(end.output, new Set(documents.map(nameOf))) : end.failure;
    if (typeof found === "string")
      this.#report(`the command ${command.name} of a check ${found}${said === "" ? "" : `: ${said}`}`);
    return found;
  }
}

/**
 * What the checks say in one judgement of a run, whatever it asks again: violations too, and commands that failed. Both
 * are forgotten with it, so that saying done again asks again.
 */
export class CheckRound {
  readonly #checks: CommandChecks;
  readonly #found = new Map<string, readonly CheckProblem[]>();
  /** By command, why it could not be asked or understood. */
  readonly #failed = new Map<string, string>();

  constructor(checks: CommandChecks) {
    this.#checks = checks;
  }

  /** What is known of some tasks, and what has to be asked first; a check that could not be made is one violation. */
  known(tasks: readonly CheckTask[]): { violations: Violation[]; left: CheckTask[] } {
    const violations: Violation[] = [];
    const left: CheckTask[] = [];
    for (const { check, documents } of tasks) {
      const unknown = documents.filter((document) => {
        const problems = this.#problemsOf(check.command, document);
        for (const problem of problems ?? []) violations.push(foundBy(check, document, problem));
        return problems === undefined;
      });
      const failure = this.#failed.get(check.command);
      if (!this.#checks.has(check.command)) violations.push(notHere(check));
      else if (failure !== undefined) violations.push(notMade(check, failure));
      else if (unknown.length > 0) left.push({ check, documents: unknown });
    }
    return { violations, left };
  }

  #problemsOf(command: string, document: CheckedDocument): readonly CheckProblem[] | undefined {
    return (
      this.#found.get(subjectOf(document, command)) ?? (this.#checks.hasPassed(command, document) ? [] : undefined)
    );
  }

  /** Has the commands judge what is left of some tasks, different commands side by side. Never rejects because of a command. */
  async ask(tasks: readonly CheckTask[]): Promise<void> {
    const byCommand = new Map<string, Map<string, CheckedDocument>>();
    for (const { check, documents } of tasks) {
      const asked = byCommand.get(check.command) ?? new Map<string, CheckedDocument>();
      byCommand.set(check.command, asked);
      for (const document of documents) asked.set(subjectOf(document, check.command), document);
    }
    const asking = [...byCommand].map(async ([command, documents]) => {
      const failure = await this.#checks.judge(command, documents.values(), (document, problems) => {
        this.#found.set(subjectOf(document, command), problems);
      });
      if (failure !== null) this.#failed.set(command, failure);
    });
    await Promise.all(asking);
  }
}

function foundBy(check: CheckRule, { collection, id }: CheckedDocument, problem: CheckProblem): Violation {
  return { code: "check", collection, id, ...problem, detail: { check: check.name } };
}

/** A check whose command the operator's configuration does not have. */
function notHere(check: CheckRule): Violation {
  return unavailable(
    check,
    `Not checked here: the check ${check.name} asks the command ${check.command}, which runtree.config.json of this node does not have. Whoever runs the node adds it there and starts it again; or say done where it is.`,
  );
}

/** A check whose command could not be asked or understood. */
function notMade(check: CheckRule, failure: string): Violation {
  return unavailable(
    check,
    `The check ${check.name} could not be made: its command ${check.command} ${failure}. Whoever runs this node mends it, its log says more; then say done again.`,
  );
}

function unavailable({ name, command, at }: CheckRule, message: string): Violation {
  const place = configViolation("check_unavailable", `/checks/${at}`, message);
  return { ...place, detail: { check: name, command } };
}
