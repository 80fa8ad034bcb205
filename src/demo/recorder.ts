import type { SipText } from "./sip-text.ts";

/** Who stands at an end of a connection. */
export type Party = "client" | "front end" | "Waypost" | "pool";

/** A rule of the wire that the other side broke, where the real part would fail in silence or worse. */
export interface BrokenRule {
  /** The sample actor that noticed it. */
  readonly noticedBy: Party;
  /** Short and stable, for tests: `content-length`, `to-uri`, … */
  readonly rule: string;
  /** What was seen, and what the real part does then. */
  readonly detail: string;
}

/** Where the actors report what they see; the message ladder is one. */
export interface Recorder {
  /** Tells that a socket address (`address:port`) belongs to a sample actor; every other address is Waypost's. */
  claim(address: string, party: Party): void;
  release(address: string): void;
  partyAt(address: string): Party;
  message(from: Party, to: Party, message: SipText): void;
  broken(rule: BrokenRule): void;
}

/** Records nothing, for actors that stay up for long. */
export const unrecorded: Recorder = {
  claim() {},
  release() {},
  partyAt: () => "Waypost",
  message() {},
  broken() {},
};
