import { readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isAlive, ownMark } from "./process-life.ts";

/** A temporary file of another host, whose process nobody here can see, counts as left behind when it is this old. */
const FOREIGN_MS = 24 * 3_600_000;

let count = 0;

/** A name for a new file beside `path` that nobody else uses: neither another process nor another call of this one. */
export function ownTemporary(path: string): string {
  const { pid, started = "", host } = ownMark();
  return `${path}.${pid}-${started}-${++count}@${encodeURIComponent(host)}.tmp`;
}

/** Removes the temporary files of `path` whose processes are dead: they were killed before they could do it. */
export async function clearTemporaries(path: string): Promise<void> {
  const folder = dirname(path);
  const before = `${basename(path)}.`;
  for (const name of await readdir(folder).catch(() => [])) {
    const [, pid, started, host] =
      (name.startsWith(before) && /^(\d+)-(\d*)-\d+@(.+)\.tmp$/.exec(name.slice(before.length))) || [];
    if (pid === undefined || host === undefined) {
      continue;
    }
    const mark = { pid: Number(pid), host: decodeURIComponent(host), ...(started ? { started } : undefined) };
    const file = join(folder, name);
    if (!(isAlive(mark) ?? (await isYoung(file)))) {
      await rm(file, { force: true }).catch(() => undefined);
    }
  }
}

async function isYoung(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs < FOREIGN_MS;
}
