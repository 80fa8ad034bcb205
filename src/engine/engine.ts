import type { Config } from "../config/config.ts";
import type { Listener } from "../sip/flow.ts";

/** What moves the messages. The routing decides; neither side knows the other's insides. */
export interface Engine {
  /** Where it listens, with the ports that were really bound. */
  readonly listeners: readonly Listener[];
  /** Requests that still wait for a final answer. */
  readonly unanswered: number;
  /**
   * Reads certificates, keys, CAs and revocation lists again, with the TLS settings of `config`; no connection is
   * dropped. What a file holds that is bad goes to the log, and the old goes on.
   * @throws WaypostError CERTIFICATE_INVALID when changed settings name files that cannot serve; nothing has changed then
   */
  reloadCertificates(config: Config): Promise<void>;
  /** How much a stop has to wait for: requests without a final answer, our own included. */
  readonly underWay: number;
  /** Takes no new connections and no new dialogs from now on. What is under way, or inside a dialog, is served. */
  leave(): void;
  /** Closes every socket. Nothing of the engine keeps the process alive after that. */
  close(): Promise<void>;
}
