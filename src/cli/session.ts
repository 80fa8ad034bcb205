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

/** Opens the table for some work and closes it again. */
export async function withTable<T>(session: Session, work: (opened: Opened) => Promise<T>): Promise<T> {
  const { openTable } = await import("./open-table.ts");
  const opened = await openTable(session.config(), session.env);
  try {
    return await work(opened);
  } finally {
    await opened.store.close();
  }
}
