import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A revision of Waypost, built in a folder of its own. */
export interface Built {
  /** The folder that has dist/. */
  readonly root: string;
  remove(): void;
}

/** @throws Error when there is no such revision, or it does not build */
export function buildRevision(revision: string): Built {
  const root = join(mkdtempSync(join(tmpdir(), "waypost-revision-")), "tree");
  const remove = (): void => {
    execFileSync("git", ["worktree", "remove", "--force", root], { stdio: "ignore" });
    rmSync(join(root, ".."), { recursive: true, force: true });
  };
  execFileSync("git", ["worktree", "add", "--detach", root, revision], { stdio: ["ignore", "ignore", "inherit"] });
  try {
    const own = process.cwd();
    const lock = (folder: string): string => readFileSync(join(folder, "package-lock.json"), "utf8");
    if (lock(own) === lock(root)) symlinkSync(join(own, "node_modules"), join(root, "node_modules"));
    else execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
    execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  } catch (error) {
    remove();
    throw error;
  }
  return { root, remove };
}
