import fs from "node:fs";
import { describe, expect, test } from "vitest";
import { countStorage, maintainRepository } from "../../src/git/maintenance.ts";
import { encodeObject, type EncodedObject } from "../../src/git/objects.ts";
import { readLoose, writeLoose } from "../../src/git/loose.ts";
import { buildPack, writePack } from "../../src/git/pack-writer.ts";
import { fsck, git } from "../support/git.ts";
import { merged } from "../support/situations.ts";
import { GIT, openTestStore } from "../support/store.ts";
import { openRepository, refsByGit } from "./repositories.ts";

const blob = (text: string): EncodedObject => encodeObject("blob", Buffer.from(text));
const NEVER = new AbortController().signal;
const maintainNow = async (gitDir: string): Promise<void> => maintainRepository(GIT, gitDir, Date.now(), NEVER);

/** A closed repository of ours with some merges, and a ref for each commit of `main`. */
async function repository(): Promise<string> {
  const { store, gitDir, close } = await openTestStore();
  for (let run = 0; run < 4; run++) await merged(store, { study_set: { [`s${run}`]: { title: "A study" } } });
  await close();
  for (const [index, commit] of git(gitDir, "rev-list", "main").trim().split("\n").entries())
    fs.writeFileSync(`${gitDir}/refs/heads/at-${index}`, `${commit}\n`);
  return gitDir;
}

describe("maintenance of a repository", () => {
  test("packs objects and refs, writes git's indexes, and changes nothing that is read", async () => {
    const gitDir = await repository();
    const objects = git(gitDir, "cat-file", "--batch-check", "--batch-all-objects");
    const refs = refsByGit(gitDir);
    const before = await countStorage(gitDir);
    expect(before.loose).toBeGreaterThan(10);
    expect(before.loose_refs).toBe(refs.size);
    await maintainNow(gitDir);
    expect(await countStorage(gitDir)).toEqual({ packs: 1, loose: 0, loose_refs: 0 });
    expect(git(gitDir, "cat-file", "--batch-check", "--batch-all-objects")).toBe(objects);
    expect(refsByGit(gitDir)).toEqual(refs);
    expect(fs.existsSync(`${gitDir}/objects/pack/multi-pack-index`)).toBe(true);
    expect(fs.readdirSync(`${gitDir}/objects/info/commit-graphs`).length).toBeGreaterThan(0);
    expect(fsck(gitDir)).toEqual([]);
    await maintainNow(gitDir);
    expect(await countStorage(gitDir)).toEqual({ packs: 1, loose: 0, loose_refs: 0 });
  });

  test("keeps what no ref reaches yet, in packs and loose, and packs that are marked to be kept", async () => {
    const gitDir = await repository();
    const [loose, packed, kept] = ["loose", "packed", "kept"].map(blob) as [
      EncodedObject,
      EncodedObject,
      EncodedObject,
    ];
    await writeLoose(fs, `${gitDir}/objects`, [loose]);
    writePack(fs, gitDir, buildPack([packed]))();
    const keptPack = buildPack([kept]);
    const release = writePack(fs, gitDir, keptPack);
    await maintainNow(gitDir);
    expect(fs.existsSync(`${gitDir}/objects/pack/pack-${keptPack.name}.pack`)).toBe(true);
    release();
    await maintainNow(gitDir);
    const reader = openRepository(gitDir);
    for (const { oid, data } of [loose, packed, kept]) expect(reader.read(oid)?.data).toEqual(data);
    expect(readLoose(fs, `${gitDir}/objects`, loose.oid)).toBeNull();
  });

  test("clears what maintenance that was killed left a day ago, and nothing that may be at work", async () => {
    const gitDir = await repository();
    const leftovers = [
      "objects/pack/.tmp-17-pack-0123.pack",
      "objects/pack/tmp_pack_AbCdEf",
      "objects/pack/multi-pack-index.lock",
      "objects/info/commit-graphs/commit-graph-chain.lock",
    ];
    fs.mkdirSync(`${gitDir}/objects/info/commit-graphs`, { recursive: true });
    const yesterday = Date.now() / 1000 - 25 * 60 * 60;
    for (const path of leftovers) fs.writeFileSync(`${gitDir}/${path}`, "");
    await expect(maintainNow(gitDir)).rejects.toThrow(expect.objectContaining({ code: "git_failed" }));
    for (const path of leftovers) fs.utimesSync(`${gitDir}/${path}`, yesterday, yesterday);
    fs.writeFileSync(`${gitDir}/objects/pack/tmp_pack_GhIjKl`, "");
    await maintainNow(gitDir);
    expect(leftovers.filter((path) => fs.existsSync(`${gitDir}/${path}`))).toEqual([]);
    expect(fs.existsSync(`${gitDir}/objects/pack/tmp_pack_GhIjKl`)).toBe(true);
  });
});
