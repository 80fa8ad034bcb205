import type { Actor, ChangeResult, EndpointStore, RowChange, TableSnapshot } from "./store.ts";

export interface FileStoreOptions {
  /** Absolute path of the endpoint file. */
  readonly path: string;
  /** True where a pool would be this gateway itself; see {@link IsSelf}. */
  readonly isSelf?: IsSelf;
  /** How long a change waits for another writer, in milliseconds. */
  readonly lockWaitMs?: number;
}

/** Tells whether a host (and port, where the row names one) is this gateway's own. */
export type IsSelf = (host: string, port?: number) => boolean;

export class FileStore implements EndpointStore {
  readonly path: string;

  constructor(options: FileStoreOptions) {
    this.path = options.path;
  }

  async load(): Promise<TableSnapshot> {
    return { revision: 0, endpoints: [] };
  }

  async change(
    _changes: readonly RowChange[],
    _actor: Actor,
    _options: { readonly dryRun?: boolean } = {},
  ): Promise<ChangeResult> {
    return { revision: 0, differences: [] };
  }

  watch(_changed: (snapshot: TableSnapshot) => void, _refused: (error: Error) => void): () => void {
    return () => undefined;
  }

  async close(): Promise<void> {}
}
