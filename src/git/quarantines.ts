import { type FileSystem, listFolder } from "./files.ts";

/** No push is at work for so long (ms). */
const PUSH_MS = 60 * 60 * 1000;

/** Removes the folders where git put aside what pushes had sent that ended with their machine, so that nobody took it away. */
export function clearQuarantines(fs: FileSystem, gitDir: string, now: number): void {
  for (const { name } of listFolder(fs, `${gitDir}/objects`)) {
    const path = `${gitDir}/objects/${name}`;
    if (!name.startsWith("tmp_objdir-")) continue;
    const found = fs.statSync(path, { throwIfNoEntry: false });
    if (found !== undefined && now - found.mtimeMs > PUSH_MS) fs.rmSync(path, { recursive: true, force: true });
  }
}
