import type { Config } from "../config/config.ts";
import type { EndpointStore } from "../endpoints/store.ts";
import type { Io } from "./io.ts";

/** What all commands on the table share. */
export interface Session {
  readonly io: Io;
  readonly env: NodeJS.ProcessEnv;
  /** What `--config` names. */
  config(): string | undefined;
}

/** The table and the configuration that names it. */
export interface Opened {
  readonly config: Config;
  readonly store: EndpointStore;
}

/** A sentence for whoever takes the table of the package's sample for their own. */
export function sampleWarning({ isSample, file }: Config): string | undefined {
  if (!isSample) return undefined;
  return `no configuration is named, so this is the table of the package's sample, ${file}; name yours with --config`;
}

/** Opens the table for some work and closes it again. */
export async function withTable<T>(session: Session, work: (opened: Opened) => Promise<T>): Promise<T> {
  const { openTable } = await import("./open-table.ts");
  const opened = await openTable(session.config(), session.env);
  const warning = sampleWarning(opened.config);
  if (warning !== undefined) session.io.err(`warning: ${warning}\n`);
  try {
    return await work(opened);
  } finally {
    await opened.store.close();
  }
}
