import { randomBytes, randomInt } from "node:crypto";
import { header, type SipText, sipText, uriIn, values } from "./sip-text.ts";

/** Who the client is, the same in all its dialogs. */
export interface ClientIdentity {
  /** The user's SIP address. */
  readonly user: string;
  /** The GRUU that the registrar gave. */
  readonly gruu: string;
  readonly epid: string;
  /** Host and port of the client's end of its one connection. */
  readonly sentBy: string;
  /** The IP literal for the SDP. */
  readonly address: string;
}

/**
 * A dialog as a legacy client keeps it: no branch in its Vias, CSeq 1 for INVITE and ACK and counting on from there, route
 * set and target taken from the INVITE's answer and never again.
 */
export class ClientDialog {
  readonly callId = newCallId();
  readonly dialled: string;
  /** True while the other side knows of it: from the 2xx to a BYE. */
  established = false;
  /** Set once the INVITE has a final answer. */
  answered = false;
  readonly #self: ClientIdentity;
  readonly #from: string;
  #to: string;
  #target: string;
  #routes: readonly string[] = [];
  #sequence = 1;

  constructor(self: ClientIdentity, dialled: string) {
    this.#self = self;
    this.dialled = dialled;
    this.#from = `<${self.user}>;tag=${randomInt(1, 2 ** 31)};epid=${self.epid}`;
    this.#to = `<${dialled}>`;
    this.#target = dialled;
  }

  invite(): SipText {
    const { gruu, address } = this.#self;
    const family = address.includes(":") ? "IP6" : "IP4";
    const sdp = [
      "v=0",
      `o=- 0 0 IN ${family} ${address}`,
      "s=session",
      `c=IN ${family} ${address}`,
      "t=0 0",
      "m=message 5061 sip null",
      "a=accept-types:text/plain text/html image/gif application/im-iscomposing+xml application/ms-imdn+xml text/x-msmsgsinvite",
    ];
    return this.#build(
      "INVITE",
      1,
      [
        ["Supported", "ms-sender"],
        ["Contact", `<${gruu}>`],
        ["Content-Type", "application/sdp"],
      ],
      sdp.map((line) => `${line}\r\n`).join(""),
    );
  }

  /** Takes tag, route set and target from the 2xx; returns what a legacy client stumbles over, if anything. */
  establish(response: SipText): string | undefined {
    this.established = true;
    this.#to = header(response, "To") ?? this.#to;
    this.#target = uriIn(header(response, "Contact")) || this.#target;
    // SIPE splits at every comma, inside angle brackets too, and looks for ;lr in the first hop alone.
    this.#routes = values(response, "Record-Route")
      .flatMap((line) => line.split(","))
      .map((hop) => hop.trim())
      .reverse();
    const [first, ...others] = this.#routes;
    if (first === undefined || first.includes(";lr")) return undefined;
    const target = this.#target;
    this.#target = uriIn(first);
    this.#routes = [...others, `<${target}>`];
    return `the first hop ${first} has no ;lr, so that the client falls back to strict routing`;
  }

  ack(): SipText {
    return this.#build("ACK", 1);
  }

  /** The next request inside the dialog; before an answer it is addressed as the INVITE was, without To tag. */
  request(method: string, more: ReadonlyArray<readonly [string, string]> = [], body = ""): SipText {
    this.#sequence += 1;
    return this.#build(method, this.#sequence, more, body);
  }

  /** The end of it, as this side sees it. */
  bye(): SipText {
    this.established = false;
    return this.request("BYE");
  }

  #build(method: string, sequence: number, more: ReadonlyArray<readonly [string, string]> = [], body = ""): SipText {
    return sipText(
      `${method} ${this.#target} SIP/2.0`,
      [
        ["Via", `SIP/2.0/tcp ${this.#self.sentBy}`],
        ["From", this.#from],
        ["To", this.#to],
        ["Max-Forwards", "70"],
        ["CSeq", `${sequence} ${method}`],
        ["User-Agent", USER_AGENT],
        ["Call-ID", this.callId],
        ...this.#routes.map((hop): readonly [string, string] => ["Route", hop]),
        ...more,
        ["Authorization", NTLM],
      ],
      body,
    );
  }
}

export const USER_AGENT = "Waypost-Sample-Client/1.0 (as Purple/2.14.12 Sipe/1.25.0)";

/** Every request is signed for the home server; the figures mean nothing here. */
export const NTLM =
  'NTLM qop="auth", opaque="4F1BA35D", realm="SIP Communications Service", targetname="fe01.contoso.com", ' +
  'crand="b98294b1", cnum="7", response="0100000000000000dd9cb91a64000000"';

/** A Call-ID in SIPE's own form. */
export function newCallId(): string {
  const digits = () => randomBytes(2).toString("hex").toUpperCase();
  return ["g", "a", "i", "m", "t", "b", "x", "x"].map((letter) => digits() + letter).join("");
}
