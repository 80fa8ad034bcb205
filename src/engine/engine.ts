import type { Config } from "../config/config.ts";
import type { Drain } from "../drained-address.ts";
import type { Guard } from "../guard/admission.ts";
import type { AddressReport } from "../locate/health.ts";
import type { ObservedEngine } from "../observe/metrics/engine.ts";
import type { EngineCapabilities } from "../routing/capabilities.ts";
import type { Listener } from "../sip/flow.ts";

/** How a legacy address fares at the registrar. */
export interface RegistrationReport {
  readonly endpoint: string;
  readonly state: "registered" | "pending" | "failed";
  /** Until the binding ends; 0 without one. */
  readonly secondsLeft: number;
  readonly nextTrySeconds: number;
  /** Name and address of the registrar that answered last. */
  readonly registrar?: string;
  /** Why the last attempt failed, and how often in a row; a registration that is still good may fail to be refreshed. */
  readonly kind?: string;
  readonly reason?: string;
  readonly times?: number;
  /** The whole of it, for people; without the address. */
  readonly sentence: string;
}

/** Keeps legacy addresses registered at an upstream registrar. */
export interface EngineRegistrar {
  /** Sets which addresses are called by our Contact, whoever registers it. @param addresses as their rows write them */
  serve(addresses: Iterable<string>): void;
  /** Sets which addresses are kept registered. @param addresses as their rows write them */
  keep(addresses: Iterable<string>): void;
  describe(): readonly RegistrationReport[];
  /** Registers one address, or all, anew. @returns how many that are */
  trigger(address: string | undefined): number;
  /** Takes all registrations back; resolves when that is done, at the latest after so many ms. */
  leave(withinMs: number): Promise<void>;
  /** The legacy address that a Request-URI names by the Contact that was registered for it. */
  addressOf(requestUri: string): string | undefined;
}

/** What moves the messages. The routing decides; neither side knows the other's insides. */
export interface Engine extends ObservedEngine {
  /** Who gets in; absent where the engine has no sockets of its own. */
  readonly guard?: Guard;
  /** What it can do with a row; rows that ask for more are named in the log and refused in edits. */
  readonly capabilities: EngineCapabilities;
  /** Where SIP requests come in: with the ports that were really bound, or where a drachtio-server listens. */
  readonly listeners: readonly Listener[];
  /** Requests that still wait for a final answer. */
  readonly unanswered: number;
  /** Why no requests come in at all: a sentence; undefined while they do. */
  readonly fault: string | undefined;
  /**
   * Reads certificates, keys, CAs, revocation lists and secrets again, with the settings of `config`; no connection is
   * dropped. A changed registrar is taken over. What a file holds that is bad goes to the log, and the old goes on.
   * @throws WaypostError CERTIFICATE_INVALID or CONFIG_INVALID when changed settings name files that cannot serve;
   * nothing has changed then
   */
  reload(config: Config): Promise<void>;
  /** Watches the pools' addresses, where the engine does that and the configuration asks for it. @param pools URIs */
  watchPools(pools: Iterable<string>): void;
  /** Sets which addresses get no new dialogs, by the word of operators. */
  setDrains(drains: readonly Drain[]): void;
  /** Each address of a pool that is known, and how it is, in a sentence. */
  describePools(): readonly AddressReport[];
  /** Present where the engine registers and the configuration has a registrar. */
  readonly registrar?: EngineRegistrar | undefined;
  /** How much a stop has to wait for: requests without a final answer, our own included. */
  readonly underWay: number;
  /** Takes no new connections and no new dialogs from now on. What is under way, or inside a dialog, is served. */
  leave(): void;
  /** Other processes serve from now on: new connections are their affair. All else goes on, for `idle` to come true. */
  retire(): void;
  /**
   * Ends every connection at once, after the answers that were given on it. Its peer sends elsewhere what comes too late
   * (RFC 3263 §4.3), which it could not do after a refusal.
   */
  hangUp(): void;
  /** True when nothing is left of this process's work: no transaction, no connection. */
  readonly idle: boolean;
  /** Closes every socket. Nothing of the engine keeps the process alive after that. */
  close(): Promise<void>;
}
