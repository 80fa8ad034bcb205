import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";

/** How often the file is looked at even when the system reports nothing, in milliseconds. */
const POLL_MS = 500;
/** How long a change is given to become complete: editors write in several steps. */
const SETTLE_MS = 60;

/**
 * Calls `look` whenever one of the files may have changed, and now and then anyway. It watches the folder, since a
 * rename replaces the file a watch on itself would hold on to; the poll covers what no event tells (network file systems,
 * symbolic links, an exhausted inotify). Nothing here keeps the process alive.
 * @param look is never called while an earlier call is still running
 * @returns stops watching
 */
export function watchFiles(paths: readonly string[], look: () => Promise<void>): () => void {
  let stopped = false;
  let looking = false;
  let again = false;
  let settle: NodeJS.Timeout | undefined;

  const run = async (): Promise<void> => {
    if (stopped || looking) {
      again = looking;
      return;
    }
    looking = true;
    try {
      await look();
    } finally {
      looking = false;
    }
    if (again) {
      again = false;
      await run();
    }
  };
  const soon = (): void => {
    clearTimeout(settle);
    settle = setTimeout(run, SETTLE_MS).unref();
  };

  const watchers = paths.map((path) => watchFolder(path, soon));
  const poll = setInterval(run, POLL_MS).unref();
  void run();
  return () => {
    stopped = true;
    clearTimeout(settle);
    clearInterval(poll);
    for (const watcher of watchers) watcher?.close();
  };
}

function watchFolder(path: string, changed: () => void): FSWatcher | undefined {
  const name = basename(path);
  try {
    const watcher = watch(dirname(path), { persistent: false }, (_event, file) => {
      if (file === null || file === name) {
        changed();
      }
    });
    // The poll goes on without it.
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
