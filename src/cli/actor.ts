import { userInfo } from "node:os";
import type { Actor } from "../endpoints/store.ts";

/**
 * Who is at the keyboard, for the history of the table. With sudo it is the person, not root.
 * @param reason what the person gave as `--reason` or `-Reason`
 */
export function actor(env: NodeJS.ProcessEnv, reason?: string): Actor {
  const name = env["SUDO_USER"] || env["USER"] || osUserName();
  return { name, source: "cli", ...(reason ? { reason } : {}) };
}

function osUserName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a user id that has no name.
    return process.getuid ? `uid ${process.getuid()}` : "unknown";
  }
}
