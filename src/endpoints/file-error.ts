import { type ErrorCode, WaypostError } from "../errors.ts";

const MEANING: Partial<Record<string, readonly [ErrorCode, string]>> = {
  ENOSPC: ["STORE_FULL", "the disk is full"],
  EDQUOT: ["STORE_FULL", "the disk quota is used up"],
  EFBIG: ["STORE_FULL", "the file would be larger than is allowed"],
  EACCES: ["TABLE_UNREADABLE", "permission denied"],
  EPERM: ["TABLE_UNREADABLE", "the operation is not permitted"],
  EROFS: ["TABLE_UNREADABLE", "the file system is read-only"],
  ENOENT: ["TABLE_UNREADABLE", "the folder does not exist"],
  ENOTDIR: ["TABLE_UNREADABLE", "a part of the path is no folder"],
  EISDIR: ["TABLE_UNREADABLE", "it is a folder"],
  ELOOP: ["TABLE_UNREADABLE", "its symbolic links form a circle"],
};

/** A file system's refusal as an error for people; an error of ours passes unchanged. */
export function fileError(action: "read" | "write", path: string, error: unknown): WaypostError {
  if (error instanceof WaypostError) {
    return error;
  }
  const { code = "", message } = error as NodeJS.ErrnoException;
  const [kind, words] = MEANING[code] ?? (["TABLE_UNREADABLE", message] as const);
  return new WaypostError(kind, `cannot ${action} ${path}: ${words}${code === "" ? "" : ` (${code})`}`, {
    cause: error,
  });
}
