import { WaypostError } from "../errors.ts";

/**
 * The exit status for a command that ended in an error: 2 when the change is made and only not in force everywhere,
 * else 1.
 */
export function exitStatus(error: unknown): 1 | 2 {
  return error instanceof WaypostError && error.code === "NOT_IN_FORCE" ? 2 : 1;
}
