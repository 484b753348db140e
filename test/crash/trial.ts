import fs from "node:fs";
import { hasCode } from "../../src/domain/errors.ts";
import type { DiskCall, Fault } from "../support/disk-gate.ts";
import type { PowerCut } from "../support/disk-model.ts";
import type { Lie } from "../support/disk-system.ts";
import { FaultyDisk } from "../support/faulty-disk.ts";
import {
  type Asked,
  blankDisk,
  type DiskStore,
  GIT_DIR,
  MOVES_MAY_STAND,
  openOn,
  type Through,
  type Told,
} from "../support/faulty-store.ts";
import { temporaryFolder } from "../support/folders.ts";
import { pipeGit } from "../git/repositories.ts";
import {
  complaintsOfGit,
  derivedOf,
  differences,
  type Effect,
  effectBetween,
  leftBehind,
  type State,
  stateOf,
  withEffect,
} from "./oracle.ts";
import type { Scenario } from "./scenarios.ts";

/** A scenario as it goes when nothing fails: what every interrupted one must come to. */
export interface Reference {
  readonly scenario: Scenario;
  readonly base: FaultyDisk;
  readonly calls: readonly DiskCall[];
  /** The states before each group of requests, and after the last. */
  readonly states: readonly State[];
  /** What each request of each group does. */
  readonly effects: readonly (readonly Effect[])[];
  readonly answers: readonly (readonly Told[])[];
}

/** One way to interrupt a scenario. */
export interface Point {
  readonly fault: Fault;
  /**
   * What the disk holds when the power is back; `killed`: it was never off, but the process is dead; null: the process
   * lives and is asked again.
   */
  readonly cut: PowerCut | "killed" | null;
  /** The call of the start after that at which the power goes once more; null: it stays. */
  readonly again: number | null;
  /** Whether git itself checks what came of it. */
  readonly fsck: boolean;
}

/** What is wrong on purpose. */
export interface Plant {
  readonly lie?: Lie;
  readonly through?: Through;
}

/** What a power cut takes at most: all that was not synced. */
const ALL_DROPPED: PowerCut = { data: "dropped", entries: "dropped" };

/** Whether a failed call may have moved refs which the process then knows less of than the disk. */
function mayStand(failed: DiskCall | null): boolean {
  return MOVES_MAY_STAND && failed !== null && /\/(refs|packed-refs)/.test(failed.path);
}

/** Told: the server found an answer, good or bad. Not told: it failed, and the client asks again. */
function isTold(told: Told | undefined): told is Told {
  return told !== undefined && told.status < 500;
}

function wordsOf(told: Told | undefined): string {
  return told === undefined ? "nothing" : `${told.status} ${told.run ?? ""}`;
}

/** Runs of which a request without a key may be sent twice. */
function uncounted({ groups }: Scenario): ReadonlySet<string> {
  return new Set(groups.flat().flatMap(({ key, params }) => (key === null ? (params["run_id"] ?? []) : [])));
}

async function askAll(open: DiskStore, requests: readonly Asked[]): Promise<Told[]> {
  return Promise.all(requests.map(async (request) => open.ask(request)));
}

function packedByGit(disk: FaultyDisk): FaultyDisk {
  const folder = temporaryFolder();
  disk.writeTo(folder, GIT_DIR);
  const env = { RUNTREE_MAINTENANCE: "1" };
  pipeGit(folder, ["pack-refs", "--all"], { env });
  pipeGit(folder, ["repack", "-adq"], { env });
  fs.rmSync(`${folder}/objects/info`, { recursive: true, force: true });
  return FaultyDisk.holding(folder, GIT_DIR);
}

/** Plays a scenario through without a fault. */
export async function playThrough(scenario: Scenario): Promise<Reference> {
  const { before, groups, packed, through } = scenario;
  const blank = await blankDisk();
  const beginning = await openOn(blank.fs);
  for (const request of before) await beginning.ask(request);
  await beginning.close();
  const base = packed === true ? packedByGit(blank) : blank.copy();
  const at = uncounted(scenario);
  const disk = base.copy();
  const open = await openOn(disk.fs, through);
  disk.plant(null);
  const [states, effects, answers] = [[stateOf(open.store, at)], [] as Effect[][], [] as Told[][]];
  for (const group of groups) {
    const [earlier, state] = [disk.copy(), states.at(-1) as State];
    answers.push(await askAll(open, group));
    states.push(stateOf(open.store, at));
    const alone = async (request: Asked): Promise<Effect> => {
      const single = await openOn(earlier.copy().fs, through);
      await single.ask(request);
      const effect = effectBetween(state, stateOf(single.store, at));
      await single.close();
      return effect;
    };
    effects.push(await Promise.all(group.map(alone)));
  }
  await open.close();
  return { scenario, base, calls: disk.calls, states, effects, answers };
}

/** How far a scenario came that is interrupted, and what is wrong with it. */
class Trial {
  readonly complaints: string[] = [];
  readonly #reference: Reference;
  readonly #told: (Told | undefined)[][];
  readonly #uncounted: ReadonlySet<string>;

  constructor(reference: Reference) {
    this.#reference = reference;
    this.#told = reference.scenario.groups.map((group) => group.map(() => undefined));
    this.#uncounted = uncounted(reference.scenario);
  }

  complain(...complaints: readonly string[]): void {
    this.complaints.push(...complaints);
  }

  /** The first group that has a request which is not answered yet; the number of groups when there is none. */
  get reached(): number {
    const open = this.#told.findIndex((group) => !group.every(isTold));
    return open < 0 ? this.#told.length : open;
  }

  state({ store }: DiskStore): State {
    return stateOf(store, this.#uncounted);
  }

  /** Null when the power went in the background, after an answer: the disk cannot be read any more. */
  #stateIfPowered(open: DiskStore): State | null {
    try {
      return this.state(open);
    } catch (error) {
      if (hasCode(error, "io_failed")) return null;
      throw error;
    }
  }

  /** Asks what is not answered yet, up to the first group that is not answered whole. A request without a key is not repeated where it was done. */
  async ask(open: DiskStore, expected: readonly number[]): Promise<void> {
    const { scenario, effects, answers } = this.#reference;
    for (const [index, group] of scenario.groups.entries()) {
      const told = this.#told[index] ?? [];
      const state = this.#stateIfPowered(open);
      if (state === null) return;
      const waiting = group.flatMap((request, place) => {
        const effect = effects[index]?.[place] ?? new Map<string, string>();
        const doneAlready = request.key === null && told[place] !== undefined && isWhole(state, effect);
        if (doneAlready) told[place] = answers[index]?.[place];
        return isTold(told[place]) ? [] : [place];
      });
      const got = await askAll(
        open,
        waiting.map((place) => group[place] as Asked),
      );
      for (const [nth, place] of waiting.entries()) {
        const [answer, wanted] = [got[nth], answers[index]?.[place]];
        told[place] = answer;
        if (wordsOf(answer) !== wordsOf(wanted) && !expected.includes(answer?.status ?? 0))
          this.complain(`request ${index}.${place}: answered ${wordsOf(answer)}, not ${wordsOf(wanted)}`);
      }
      if (!told.every(isTold)) return;
    }
  }

  /** Holds what is there against what was answered: that is there once, the rest is there whole or not at all. */
  judge(open: DiskStore): void {
    const { states, effects } = this.#reference;
    const found = this.state(open);
    let expected = states[this.reached] as State;
    for (const [place, effect] of (effects[this.reached] ?? []).entries())
      if (isTold(this.#told[this.reached]?.[place]) || isWhole(found, effect)) expected = withEffect(expected, effect);
    this.complain(...differences("after the power came back", found, expected));
    this.complain(...open.reports.filter((report) => report.includes("left as it was found")));
  }

  /** Asks once more with the keys of before: everything is known, nothing is done again. */
  async repeat(open: DiskStore): Promise<void> {
    const { scenario, answers } = this.#reference;
    for (const [index, group] of scenario.groups.entries())
      for (const [place, request] of group.entries()) {
        const { status } = request.key === null ? {} : await open.ask(request);
        const wanted = answers[index]?.[place]?.status;
        if (status !== undefined && status !== wanted)
          this.complain(`request ${index}.${place}, repeated: answered ${status}, not ${wanted}`);
      }
    this.complain(...differences("in the end", this.state(open), this.#reference.states.at(-1) as State));
  }
}

/** The disk that the next process finds. */
function found(disk: FaultyDisk, cut: PowerCut | "killed", lie: Lie = null): FaultyDisk {
  return cut === "killed" ? disk.afterKill(lie) : disk.afterPowerCut(cut, lie);
}

/** Opens a store on a disk that loses power meanwhile; where it does not come to that, the store is closed again. */
async function startInVain(disk: FaultyDisk, through: Through | undefined): Promise<void> {
  try {
    const open = await openOn(disk.fs, through);
    await open.close();
  } catch (error) {
    if (disk.failed === null) throw error;
  }
}

function isWhole(state: State, effect: Effect): boolean {
  return [...effect].every(([key, value]) => (state.get(key) ?? null) === value);
}

/**
 * Interrupts a scenario and asks the oracle. Returns what is wrong; nothing when all is well: what was answered is
 * there once, the rest is whole or absent, asking again leads to where the scenario goes, all of that is safe, what is
 * derived equals what a new start derives, and nothing lies about.
 */
export async function tryPoint(
  reference: Reference,
  { fault, cut, again, fsck }: Point,
  plant: Plant = {},
): Promise<string[]> {
  const { scenario } = reference;
  const through = plant.through ?? scenario.through;
  const requests = [...scenario.before, ...scenario.groups.flat()];
  const trial = new Trial(reference);
  const failed = fault.kind === "cut" ? [500, 503, 507] : [fault.code === "ENOSPC" ? 507 : 503];
  let disk = reference.base.copy(plant.lie);
  try {
    let open = await openOn(disk.fs, through);
    disk.plant(fault);
    await trial.ask(open, failed);
    const ends = cut ?? (mayStand(disk.failed) ? "killed" : null);
    if (ends === null) disk.plant(null);
    else {
      disk.plant({ at: 1, kind: "cut" });
      await open.close().catch(() => undefined);
      disk = found(disk, ends, plant.lie);
      if (again !== null) {
        disk.plant({ at: again, kind: "cut" });
        await startInVain(disk, through);
        disk = found(disk, ends, plant.lie);
      }
      open = await openOn(disk.fs, through);
      trial.judge(open);
    }
    await trial.ask(open, []);
    await trial.repeat(open);
    const [state, derived] = [trial.state(open), derivedOf(open.store, requests)];
    const safe = disk.afterPowerCut(ALL_DROPPED);
    await open.close();
    trial.complain(...leftBehind(disk, ends !== null));
    const anew = await openOn(safe.fs, through);
    trial.complain(...differences("acknowledged and not safe", trial.state(anew), state));
    trial.complain(...differences("derived, against a new start", derived, derivedOf(anew.store, requests)));
    await anew.close();
    if (fsck) trial.complain(...complaintsOfGit(disk), ...complaintsOfGit(safe));
  } catch (error) {
    trial.complain(`failed: ${error instanceof Error ? `${error.message}\n${error.stack ?? ""}` : String(error)}`);
  }
  return trial.complaints;
}
