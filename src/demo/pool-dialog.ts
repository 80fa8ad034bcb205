import { header, hops, parameter, type SipText, sipText, uriIn, values } from "./sip-text.ts";
import type { Wire } from "./wire.ts";

/** A dialog as the pool, its called side, keeps it (RFC 3261 §12.1.1). */
export class PoolDialog {
  readonly callId: string;
  readonly localTag: string;
  /** Our From: the To that was dialled, with our tag. */
  readonly local: string;
  /** Our To: the caller's From, tag and epid as they were. */
  readonly remote: string;
  /** The caller's Contact, a GRUU: the Request-URI of all that we send. */
  readonly remoteTarget: string;
  /** The Record-Route set in the order it came, since we are the called side (§12.1.1). */
  readonly routeSet: readonly string[];
  /** The connection to send on. */
  wire: Wire;
  /** The rooms that were joined in this dialog. */
  readonly rooms = new Set<string>();
  #sequence = 0;

  constructor(request: SipText, localTag: string, wire: Wire) {
    this.callId = header(request, "Call-ID") ?? "";
    this.localTag = localTag;
    this.local = `${header(request, "To")};tag=${localTag}`;
    this.remote = header(request, "From") ?? "";
    this.remoteTarget = uriIn(header(request, "Contact"));
    this.routeSet = hops(values(request, "Record-Route"));
    this.wire = wire;
  }

  /** The dialog's key in the pool's table. */
  get key(): string {
    return `${this.callId} ${this.localTag}`;
  }

  /** The person at the other end, as a URI. */
  get user(): string {
    return uriIn(this.remote);
  }

  /** A new request down the route set, toward the caller (§12.2.1.1; every hop is a loose router here). */
  request(method: string, via: string, more: ReadonlyArray<readonly [string, string]> = [], body = ""): SipText {
    this.#sequence += 1;
    return sipText(
      `${method} ${this.remoteTarget} SIP/2.0`,
      [
        ["Via", via],
        ["Max-Forwards", "70"],
        ...this.routeSet.map((hop): readonly [string, string] => ["Route", hop]),
        ["From", this.local],
        ["To", this.remote],
        ["Call-ID", this.callId],
        ["CSeq", `${this.#sequence} ${method}`],
        ...more,
      ],
      body,
    );
  }
}

/** The key of the dialog that a request belongs to; undefined when its To has no tag. */
export function dialogKey(request: SipText): string | undefined {
  const tag = parameter(header(request, "To"), "tag");
  return tag === undefined ? undefined : `${header(request, "Call-ID")} ${tag}`;
}
