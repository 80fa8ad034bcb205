/** What one call of a bench does; `mixed` is some of each. */
export type Work = "redirect" | "proxy" | "subscribe" | "mixed" | "hold";

export interface LoadOptions {
  readonly work: Work;
  readonly transport: "udp" | "tcp" | "tls";
  /** Of the server, on 127.0.0.1. */
  readonly port: number;
  /** The pool's port, for proxied calls; the generator is the pool. */
  readonly poolPort: number;
  /** Calls that are under way at once; for `hold`, calls that are held. */
  readonly calls: number;
  /** Calls per second in place of a fixed number under way. */
  readonly rate?: number;
  readonly connections: number;
  readonly warmSeconds: number;
  readonly seconds: number;
  /** Endpoints to call, at random. */
  readonly endpoints: number;
  /** The server's process; its children count as well. */
  readonly pid: number;
  /** The core that the server is bound to, if it is bound. */
  readonly serverCore?: number | undefined;
  /** PEM files for `tls`. */
  readonly cert?: string;
  readonly key?: string;
}

export interface LoadResult {
  readonly done: number;
  readonly perSecond: number;
  /** Of the server, all its processes and threads, in microseconds. */
  readonly userPerCall: number;
  readonly systemPerCall: number;
  /** From start to end of a call, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Answers that were not as they should be, of the whole run, and calls that got none. */
  readonly wrong: number;
  readonly lost: number;
  readonly firstWrong: string | undefined;
  /** Resident memory of the server at the end, in MB; for `hold`, before and while the calls are held. */
  readonly residentMb: number;
  readonly residentBeforeMb: number;
  /** What else took the server's core, as a share of it; undefined for a server that is not bound to one. */
  readonly others?: number | undefined;
  /** How busy the generator itself was, as a share of a core. */
  readonly generatorBusy: number;
}
