import { hostPort } from "../address.ts";
import { loadConfig } from "../config/load.ts";
import { ERRORS, type ErrorCode, WaypostError } from "../errors.ts";
import type { Session } from "./session.ts";

/** A gateway that has not answered by then hangs. */
const PATIENCE_MS = 15_000;
/** Who listens on all addresses listens on this one too. */
const WILDCARDS: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/**
 * Asks the gateway of the configuration by its administration (docs/metrics.md).
 * @param path such as `/callers`
 * @param endpoint the legacy address that is meant; absent = all
 * @returns the body of its answer
 * @throws WaypostError ADMIN_ABSENT, ADMIN_SILENT, or what the gateway refuses it with
 */
export async function askGateway<T>(
  session: Session,
  method: "GET" | "POST",
  path: string,
  endpoint: string | undefined,
): Promise<T> {
  const { admin, file } = loadConfig({ file: session.config(), env: session.env, cwd: process.cwd() });
  if (admin === undefined) throw new WaypostError("ADMIN_ABSENT", `${file} has no group admin`);
  if (admin.port === 0) throw new WaypostError("ADMIN_ABSENT", `${file} has admin.port 0, any free port`);
  const base = `http://${hostPort(WILDCARDS[admin.host] ?? admin.host, admin.port)}`;
  const query = endpoint === undefined ? "" : `?endpoint=${encodeURIComponent(endpoint)}`;
  let status: number;
  let text: string;
  try {
    const answer = await fetch(`${base}${path}${query}`, { method, signal: AbortSignal.timeout(PATIENCE_MS) });
    status = answer.status;
    text = await answer.text();
  } catch (error) {
    throw new WaypostError("ADMIN_SILENT", `no gateway answers at ${base}: ${reasonOf(error)}`, { cause: error });
  }
  const body = parsed(text);
  if (status < 300 && body !== undefined) return body as T;
  const { code, message } = (body as { error?: { code?: string; message?: string } } | undefined)?.error ?? {};
  if (code !== undefined && Object.hasOwn(ERRORS, code)) {
    throw new WaypostError(code as ErrorCode, message ?? `${base} refuses ${path}`);
  }
  const said = message === undefined ? "" : `: ${message}`;
  throw new WaypostError("ADMIN_SILENT", `what answers ${status} at ${base}${path} is no gateway that knows it${said}`);
}

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error;
  if (name === "TimeoutError") return `nothing came within ${PATIENCE_MS / 1000} s`;
  const { code, message: more } = (cause ?? {}) as NodeJS.ErrnoException;
  return code === "ECONNREFUSED" ? "the connection is refused" : (more ?? message);
}
