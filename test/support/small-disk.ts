import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, truncateSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Closing } from "./gateway.ts";

const PAGE = 4096;
const mayMount = process.getuid?.() === 0 && process.platform === "linux";

/** Options of a test that needs a small disk: skipped where none can be had. */
export const WITHOUT_DISKS = { skip: mayMount ? false : "only root on Linux may mount a small disk" } as const;

/** A file system of its own with little room. */
export function smallDisk(t: Closing): string {
  const folder = mkdtempSync(join(tmpdir(), "waypost-disk-"));
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  t.teardown(() => {
    spawnSync("umount", [folder]);
    rmdirSync(folder);
  });
  return folder;
}

/** Fills a disk up to so many free pages. */
export function fillDisk(folder: string, freePages: number): void {
  const path = join(folder, "ballast");
  const file = openSync(path, "w");
  let size = 0;
  try {
    for (;;) size += writeSync(file, Buffer.alloc(PAGE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
  closeSync(file);
  truncateSync(path, Math.max(0, size - freePages * PAGE));
}

/** Gives the room back. */
export function freeDisk(folder: string): void {
  rmSync(join(folder, "ballast"));
}
