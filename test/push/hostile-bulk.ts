import { hash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { artifactFolder, documentPath } from "../../src/domain/layout.ts";
import { type CraftedClone, type Entry, newRun } from "../support/crafted.ts";
import { pipeGit } from "../git/repositories.ts";
import { DONE, runBringing, runWith, type Situation } from "./ground.ts";

const LARGE = /^remote: runtree: refused: (too_large: )?the push brings an object of \d+ bytes; 5000000 is the most/m;

const MANY =
  /^remote: (forbidden_path |runtree: refused: .*(change more than 100000 files|(more files|folders) than can be looked at))/m;

/** A size in git's packs: of an object with its type, or in a delta. */
function sized(size: number, type?: number): Buffer {
  const bytes: number[] = [];
  let [rest, byte] = type === undefined ? [size >>> 7, size & 0x7f] : [size >>> 4, (type << 4) | (size & 0xf)];
  for (; rest > 0; rest >>>= 7) {
    bytes.push(byte | 0x80);
    byte = rest & 0x7f;
  }
  return Buffer.from([...bytes, byte]);
}

/**
 * Puts many blobs into a clone, each a delta of some bytes against the first, as a pack made by hand; returns their ids.
 * Each copies its base whole and adds its number.
 */
function deltas(clone: CraftedClone, count: number, length: number): string[] {
  const base = Buffer.alloc(length, "a");
  const idOf = (blob: Buffer): string =>
    hash("sha1", Buffer.concat([Buffer.from(`blob ${blob.length}\0`), blob]), "hex");
  const oids = [idOf(base)];
  const pieces = [sized(length, 3), deflateSync(base)];
  // Bytes 4 to 6: a copy of so many bytes from the start, at most 2^24 - 1.
  const copy = Buffer.from([0xf0, length & 0xff, (length >> 8) & 0xff, (length >> 16) & 0xff]);
  for (let number = 1; number < count; number++) {
    const more = Buffer.from(String(number).padStart(8, "0"));
    const delta = Buffer.concat([sized(length), sized(length + 8), copy, Buffer.from([8]), more]);
    pieces.push(sized(delta.length, 7), Buffer.from(oids[0] ?? "", "hex"), deflateSync(delta));
    oids.push(idOf(Buffer.concat([base, more])));
  }
  const head = Buffer.alloc(12);
  head.write("PACK");
  head.writeUInt32BE(2, 4);
  head.writeUInt32BE(count, 8);
  const bytes = Buffer.concat([head, ...pieces]);
  pipeGit(clone.folder, ["index-pack", "--stdin"], { input: Buffer.concat([bytes, hash("sha1", bytes, "buffer")]) });
  return oids;
}

/** A tree that names one other again and again, some levels deep: few objects, very many files. */
function bomb(clone: CraftedClone, names: readonly string[][], leaf: Entry): Entry {
  let entry = leaf;
  for (const level of names.toReversed()) {
    const here = entry;
    entry = { mode: "40000", oid: clone.tree(level.map((name) => [name, here] as const)) };
  }
  return entry;
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, number) => `n${number}`);
const shards = Array.from({ length: 256 }, (_, number) => number.toString(16).padStart(2, "0"));

/** A little that becomes very much. */
export const BULK: readonly Situation[] = [
  {
    name: "a file of more than 5 MB",
    made: (ground) => runBringing(ground, { large: Buffer.alloc(5_000_001) }),
    told: LARGE,
  },
  {
    name: "a document of more than 5 MB",
    made: (ground) =>
      runWith(ground, {
        [documentPath("study_set", "s-large", 1)]: `{"id":"s-large","title":"${"x".repeat(5_000_000)}"}\n`,
      }),
    told: LARGE,
  },
  {
    name: "a small pack that holds a file of 300 MB",
    made: (ground) => runBringing(ground, { large: Buffer.alloc(300_000_000) }),
    told: LARGE,
  },
  {
    name: "a commit of more than 5 MB",
    made: (ground) => {
      const { clone } = ground;
      const tip = clone.commit({ "run.json": DONE }, clone.main, `${"words ".repeat(1_000_000)}\n`);
      return [`${tip}:refs/heads/runs/${newRun()}`];
    },
    told: LARGE,
  },
  {
    name: "a folder of 6 MB of names",
    made: (ground) => {
      const file = { mode: "100644", oid: ground.clone.put("blob", "x\n") };
      const entries = numbers(60_000).map((name) => [`${name}-${"x".repeat(80)}`, file] as const);
      return runBringing(ground, { folder: { mode: "40000", oid: ground.clone.tree(entries) } });
    },
    told: LARGE,
  },
  {
    name: "deltas that unpack to 210 MB",
    made: (ground) => {
      const files = deltas(ground.clone, 105, 2_000_000).map((oid, at) => [`f${at}`, { mode: "100644", oid }] as const);
      return runBringing(ground, Object.fromEntries(files));
    },
    told: /^remote: runtree: refused: (too_large: )?the push brings \d+ bytes when unpacked; 200000000 is the most/m,
  },
  {
    name: "20,001 files",
    made: (ground) => {
      const { clone } = ground;
      const input = numbers(20_001).map((name) => `blob\ndata ${name.length}\n${name}\n`);
      pipeGit(clone.folder, ["fast-import", "--quiet"], { input: input.join("") });
      const oidOf = (text: string): string => hash("sha1", `blob ${text.length}\0${text}`, "hex");
      const entries = numbers(20_001).map((name) => [name, { mode: "100644", oid: oidOf(name) }] as const);
      return runBringing(ground, { folder: { mode: "40000", oid: clone.tree(entries) } });
    },
    told: /^remote: runtree: refused: the push brings \d+ objects; 20000 is the most/m,
  },
  {
    name: "few trees that name each other: 10^12 files brought along",
    made: (ground) => {
      const { clone } = ground;
      const run = newRun();
      const file = { mode: "100644", oid: clone.put("blob", "x\n") };
      const folder = bomb(clone, [numbers(10_000), numbers(10_000), numbers(10_000)], file);
      return runWith(ground, { [artifactFolder(run).slice(0, -1)]: folder }, run);
    },
    told: MANY,
  },
  {
    name: "few trees that name each other: 10^8 documents",
    made: (ground) => {
      const { clone } = ground;
      const file = { mode: "100644", oid: clone.put("blob", "{}\n") };
      const documents = numbers(1600).map((name) => `${name}.json`);
      return runWith(ground, { "metadata/study_set": bomb(clone, [shards, shards, documents], file) });
    },
    told: MANY,
  },
  {
    name: "one large document at 10,000 places",
    made: (ground) => {
      const { clone } = ground;
      const file = { mode: "100644", oid: clone.put("blob", `{"id":"s-0","title":"${"x".repeat(4_900_000)}"}\n`) };
      const places = numbers(10_000).map((id) => [documentPath("study_set", id, 1), file] as const);
      return runWith(ground, Object.fromEntries(places));
    },
    told: /^remote: too_large \S+ : The JSON files that are changed here have more than 32000000 bytes/m,
    unserved: "rejected",
  },
  {
    name: "a document of 200 kB that indentation makes 7 MB",
    made: (ground) => {
      const list = `${"[".repeat(60)}${Array(60_000).fill("[]").join(",")}${"]".repeat(60)}`;
      return runWith(ground, { [documentPath("study_set", "s-deep", 1)]: `{"id":"s-deep","title":${list}}\n` });
    },
    told: /^remote: too_large study_set\/s-deep : The file has some \d+ bytes when it is indented; 5000000 is the most/m,
    unserved: "rejected",
  },
  {
    name: "many commits of one large change",
    made: (ground) => {
      const { clone } = ground;
      const run = newRun();
      const file = { mode: "100644", oid: clone.put("blob", "x\n") };
      const folder = { mode: "40000", oid: clone.tree(numbers(19_000).map((name) => [name, file] as const)) };
      const path = artifactFolder(run).slice(0, -1);
      const trees = [folder, null].map((there) => clone.treeWith({ "run.json": DONE, [path]: there }));
      let tip = clone.main;
      for (let number = 0; number < 20; number++) tip = clone.commitTree(trees[number % 2] ?? "", [tip]);
      return [`${tip}:refs/heads/runs/${run}`];
    },
    told: MANY,
  },
];
