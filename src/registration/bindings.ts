import { parseUri, uriParam } from "../sip/uri.ts";
import { DOMAIN_PARAM } from "./granted.ts";

interface Binding {
  /** In lower case. */
  readonly domain: string;
  readonly address: string;
}

/**
 * Which legacy address a request is for that the registrar sends to our Contact. It comes from the table alone, so each
 * process of a gateway knows it, whichever of them registers. Pure.
 */
export class Bindings {
  /** By user part, in lower case. */
  #byUser = new Map<string, Binding[]>();

  /** Sets which addresses are bound to our Contact, in place of those before. @param addresses as their rows write them */
  set(addresses: Iterable<string>): void {
    const byUser = new Map<string, Binding[]>();
    for (const address of addresses) {
      const uri = parseUri(address);
      if (uri?.user === undefined) continue;
      const key = uri.user.toLowerCase();
      const domain = uri.host.toLowerCase();
      const same = byUser.get(key);
      if (same === undefined) byUser.set(key, [{ domain, address }]);
      else same.push({ domain, address });
    }
    this.#byUser = byUser;
  }

  /**
   * The legacy address whose binding a Request-URI names, or undefined. The Contact says it by a parameter; a registrar
   * that drops parameters leaves the user part, which is enough when only one address has it.
   * @param requestUri one whose host and port are ours
   */
  addressOf(requestUri: string): string | undefined {
    const uri = parseUri(requestUri);
    if (uri?.user === undefined) return undefined;
    const known = this.#byUser.get(uri.user.toLowerCase());
    if (known === undefined) return undefined;
    const named = uriParam(uri, DOMAIN_PARAM)?.toLowerCase();
    if (named !== undefined) return known.find(({ domain }) => domain === named)?.address;
    return known.length === 1 ? known[0]!.address : undefined;
  }
}
