import type { Flow } from "../sip/flow.ts";

/** An answer made from the bytes of a request that was not read. */
export interface Refusal {
  readonly bytes: Buffer;
  /** Where a datagram with it goes at the sender's address (RFC 3261 §18.2.2, RFC 3581 §4). */
  readonly port: number;
}

/** What becomes of a message before anything of it is parsed. */
export type Verdict = "pass" | "drop" | Refusal;

/** What a peer did over a connection, which proves its address, that no SIP peer does. Who does so often enough is banned. */
export type Offence =
  | "not-sip"
  /** HTTP, or TLS on a port without it: what balancers and scanners ask with. */
  | "other-protocol"
  | "slow";

/**
 * Decides who gets in, before the bytes are looked into. Each way to receive asks it once per message; addresses are
 * IP literals without brackets and zone.
 */
export interface Admission {
  /** A datagram has arrived. The cheapest of all: it is called for every packet of a flood. */
  datagram(bytes: Buffer, address: string, port: number): Verdict;
  /** A message was cut out of a stream. */
  message(bytes: Buffer, flow: Flow): Verdict;
  /** A connection was accepted. Undefined lets it in; else why not, as the rest of a sentence that starts with the peer. */
  connection(address: string): string | undefined;
  /** A connection that was let in has ended. */
  connectionClosed(address: string): void;
  /** How long nothing more is to be read from connections of this address, in ms. Asked after each chunk of bytes. */
  pauseMs(address: string): number;
  offence(address: string, kind: Offence): void;
}

/** Lets everybody in. */
export const ADMIT_ALL: Admission = {
  datagram: () => "pass",
  message: () => "pass",
  connection: () => undefined,
  connectionClosed() {},
  pauseMs: () => 0,
  offence() {},
};
