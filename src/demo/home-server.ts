import { header, parameter, requestUri, responseTo, type SipText, uriIn } from "./sip-text.ts";
import type { Wire } from "./wire.ts";

/**
 * What a client asks of its own server, as far as Group Chat needs it: a registrar without password which gives out
 * GRUUs, and empty answers about settings, contacts and presence. SIPE 1.25.0 starts Group Chat only after these.
 */
export class HomeServer {
  /** Clients by each URI they are reached at, in lower case: address of record and GRUU. */
  readonly #byUri = new Map<string, Wire>();
  readonly #uris = new Map<Wire, string[]>();

  /** How many clients are signed in. */
  get size(): number {
    return this.#uris.size;
  }

  /** True for the connection of a client that is signed in. */
  has(wire: Wire): boolean {
    return this.#uris.has(wire);
  }

  /** The connection that leads to a client, by its address of record or GRUU. */
  find(uri: string): Wire | undefined {
    return this.#byUri.get(uri.toLowerCase());
  }

  /** Signs a client out, as when its connection is gone. */
  forget(wire: Wire): void {
    for (const uri of this.#uris.get(wire) ?? []) if (this.#byUri.get(uri) === wire) this.#byUri.delete(uri);
    this.#uris.delete(wire);
  }

  /** Signs a client in, or out with `Expires: 0`; gives the answer. */
  register(request: SipText, wire: Wire, toTag: string): SipText {
    const user = uriIn(header(request, "To"));
    const gruu = `${user};opaque=user:epid:${parameter(header(request, "From"), "epid") ?? "0"};gruu`;
    const leaving = header(request, "Expires") === "0";
    this.forget(wire);
    if (!leaving) {
      const uris = [user.toLowerCase(), gruu.toLowerCase()];
      this.#uris.set(wire, uris);
      for (const uri of uris) this.#byUri.set(uri, wire);
    }
    const expires = leaving ? "0" : "7200";
    return responseTo(request, "200 OK", {
      toTag,
      headers: [
        ["Contact", `${header(request, "Contact") ?? ""};expires=${expires};gruu="${gruu}"`],
        ["Expires", expires],
        ["Supported", "msrtc-event-categories"],
        ["Allow-Events", `vnd-microsoft-roaming-contacts,vnd-microsoft-roaming-self,${PROVISIONING}`],
      ],
    });
  }

  /** The answer to a request which a client sends to its user's own address; undefined when it is for someone else. */
  answer(request: SipText, toTag: string): SipText | undefined {
    if (requestUri(request) !== uriIn(header(request, "From"))) return undefined;
    if (header(request, "Event") !== PROVISIONING)
      return responseTo(request, "200 OK", { toTag, headers: [["Expires", "0"]] });
    return responseTo(request, "200 OK", {
      toTag,
      headers: [
        ["Event", PROVISIONING],
        ["Expires", "0"],
        ["subscription-state", "terminated;expires=0"],
        ["ms-piggyback-cseq", "1"],
        ["Content-Type", `application/${PROVISIONING}+xml`],
      ],
      body: `<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification"/>`,
    });
  }
}

const PROVISIONING = "vnd-microsoft-provisioning-v2";
