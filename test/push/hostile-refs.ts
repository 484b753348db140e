import { newRun } from "../support/crafted.ts";
import { DONE, type Ground, runWith, type Situation, study } from "./ground.ts";

const NO_RUN =
  /runtree: refused: .* (is moved by Runtree only; what can be pushed is runs\/|is no branch of a run; runs\/)/m;

const good = ({ clone }: Ground): string => clone.commit({ "run.json": DONE, ...study("s-refs") });
const at = (ref: string, told: RegExp = NO_RUN): Situation => ({
  name: JSON.stringify(ref),
  made: (ground) => [`+${good(ground)}:${ref}`],
  told,
});
const byHand = (ref: string, told: RegExp = NO_RUN): Situation => ({
  ...at(ref, told),
  made: (ground) => [`${good(ground)}:${ref}`],
  byHand: true,
});

const id = newRun();
const dayAfter = 10n ** 9n;

/** The id that a run would have some time (ms) from now. */
function idIn(ms: bigint): string {
  const symbols = "0123456789abcdefghjkmnpqrstvwxyz";
  let [time, text] = [BigInt(Date.now()) + ms, ""];
  for (let place = 0; place < 10; place++, time /= 32n) text = `${symbols[Number(time % 32n)] ?? ""}${text}`;
  return `${text}${"0".repeat(16)}`;
}

/** Refs that nobody pushes to. */
export const REFS: readonly Situation[] = [
  at("refs/heads/main", /^remote: runtree: refused: main is moved by Runtree only/m),
  at("refs/heads/other"),
  at("refs/heads/runs"),
  at("refs/heads/runs/a/b"),
  at("refs/heads/runs/short"),
  at(`refs/heads/runs/${id}/x`),
  at(`refs/heads/runs/${id}0`),
  at(`refs/heads/runs/${id.slice(1)}`),
  at(`refs/heads/runs/${id.toUpperCase()}`),
  at(`refs/heads/runs/8${id.slice(1)}`),
  at(`refs/heads/runs/${id.slice(0, 25)}u`),
  at(`refs/heads/runs/${id.slice(0, 24)}\u00e9`),
  at(
    `refs/heads/runs/${idIn(dayAfter)}`,
    /^remote: runtree: refused: .*(the time in the run id of \S+|the run id's time) is beyond tomorrow/m,
  ),
  at(
    `refs/heads/runs/7${"z".repeat(25)}`,
    /^remote: runtree: refused: .*(the time in the run id of \S+|the run id's time) is beyond tomorrow/m,
  ),
  at(`refs/heads/Runs/${id}`),
  at("refs/tags/v1"),
  at("refs/notes/x"),
  at("refs/stash"),
  at("refs/replace/1111111111111111111111111111111111111111"),
  at("refs/runtree/ops"),
  at("refs/runtree/attic"),
  at("refs/runtree/lost/x"),
  at(`refs/runtree/results/${id}`, /deny updating a hidden ref/),
  at("refs/heads/--upload-pack=x"),
  at("refs/heads/runs/-x"),
  at("refs/heads/runs/--"),
  at("refs/heads/runs/$(touch${IFS}x)"),
  at("refs/heads/runs/`id`"),
  at("refs/heads/runs/a;b|c&d"),
  at("refs/heads/runs/'"),
  at('refs/heads/runs/"'),
  at("refs/heads/runs/%s%n"),
];

/** Names that git's own client does not send. */
export const UNSENT: readonly Situation[] = [
  byHand("HEAD"),
  byHand("main"),
  byHand("config"),
  byHand("runtree/door/pid"),
  byHand("refs/heads/runs/a b"),
  byHand(`refs/heads/runs/${id} `),
  byHand(`refs/heads/runs/${id}.lock`),
  byHand(`refs/heads/runs/${id}\t`),
  byHand(`refs/heads/runs/${id}\u001b[2J`),
  byHand(`refs/heads/runs/../../${id}`),
  byHand(`refs/heads/runs/./${id}`),
  byHand(`refs/heads/runs//${id}`),
  byHand(`../../${id}`),
  byHand("/etc/passwd"),
  byHand("refs/heads/runs/*"),
  byHand("refs/heads/runs/a\\nb"),
  byHand(`refs/heads/runs/x\n${"0".repeat(40)} ${"1".repeat(40)} refs/heads/runs/${id}`),
  {
    name: "one run twice in a push",
    made: (ground) => [`${good(ground)}:refs/heads/runs/${id}`, `${good(ground)}:refs/heads/runs/${id}`],
    told: /runtree: refused: .*twice|multiple updates/,
    byHand: true,
  },
  {
    name: "a commit that is not sent",
    made: () => [`${"1".repeat(40)}:refs/heads/runs/${newRun()}`],
    told: /missing necessary objects|bad pack|unpack/,
    byHand: true,
  },
  {
    name: "a tree for a commit",
    made: ({ clone }) => [`${clone.tree([])}:refs/heads/runs/${newRun()}`],
    told: /runtree: refused: |missing necessary objects|non-commit/,
    byHand: true,
  },
];

const TAKES_AWAY = /^remote: runtree: refused: \S+ cannot be deleted/m;
const FOREIGN = /^remote: runtree: refused: .*pushed by (bob|alice), and only they push to it/m;
const AHEAD = /does not go on from [0-9a-f]{40}; add commits|non-fast-forward|denying non-fast-forward/;

/** What others, or whoever pushes, pushed before. */
export const MOVES: readonly Situation[] = [
  { name: "a run of one's own, deleted", made: ({ hers }) => [`:refs/heads/runs/${hers.run}`], told: TAKES_AWAY },
  { name: "somebody else's run, deleted", made: ({ bobs }) => [`:refs/heads/runs/${bobs.run}`], told: TAKES_AWAY },
  {
    name: "main, deleted",
    made: () => [":refs/heads/main"],
    told: /^remote: (runtree: refused: main is moved by Runtree only|error: .*refusing to delete)/m,
  },
  {
    name: "a run of one's own, rewritten",
    made: (ground) => [`+${good(ground)}:refs/heads/runs/${ground.hers.run}`],
    told: AHEAD,
  },
  {
    name: "a run of one's own, back to where main is",
    made: ({ clone, hers }) => [`+${clone.main}:refs/heads/runs/${hers.run}`],
    told: AHEAD,
  },
  {
    name: "somebody else's run, continued",
    made: ({ clone, bobs }) => [`${clone.commit(study("s-theirs"), bobs.tip)}:refs/heads/runs/${bobs.run}`],
    told: FOREIGN,
  },
  {
    name: "a run of alice's, continued by bob",
    made: ({ clone, hers }) => [`${clone.commit(study("s-theirs"), hers.tip)}:refs/heads/runs/${hers.run}`],
    told: FOREIGN,
    who: "bob",
  },
  {
    name: "a run that was opened over REST, continued",
    made: ({ clone, rest }) => [`${clone.commit({ "run.json": DONE }, rest.tip)}:refs/heads/runs/${rest.run}`],
    told: /^remote: runtree: refused: .*was opened over REST/m,
    who: "bob",
  },
  {
    name: "a run of one's own beside somebody else's",
    made: (ground) => [...runWith(ground, {}), `+${good(ground)}:refs/heads/runs/${ground.bobs.run}`],
    told: FOREIGN,
  },
  {
    name: "a run of one's own beside main",
    made: (ground) => [...runWith(ground, {}), `+${good(ground)}:refs/heads/main`],
    told: /^remote: runtree: refused: main is moved by Runtree only/m,
  },
  {
    name: "a merged run with another tip",
    made: (ground) => [`${good(ground)}:refs/heads/runs/${ground.merged.run}`],
    told: /^remote: runtree: refused: .*run \S+ is closed/m,
  },
  {
    name: "a history that has nothing in common with main",
    made: ({ clone }) => [
      `${clone.commit({ "run.json": DONE, ...study("s-alien") }, null)}:refs/heads/runs/${newRun()}`,
    ],
    told: /^remote: runtree: refused: .*no commit in common with main/m,
  },
  {
    name: "more open runs than a key may have",
    made: (ground) => [1, 2, 3].flatMap(() => runWith(ground, { "run.json": "{}" })),
    told: /^remote: runtree: refused: too_many_runs: /m,
    unserved: "kept",
  },
  {
    name: "201 runs at once",
    made: (ground) => {
      const tip = good(ground);
      return Array.from({ length: 201 }, () => `${tip}:refs/heads/runs/${newRun()}`);
    },
    told: /^remote: runtree: refused: one push may move 200 branches/m,
  },
];
