import type { ProbeConfig } from "../config/config.ts";
import type { Health } from "../locate/health.ts";
import type { Locator } from "../locate/locator.ts";
import { Prober, type ProbeSender } from "../locate/prober.ts";
import type { LocateResult } from "../locate/select.ts";
import type { Target } from "../sip/flow.ts";
import { parseUri, uriTransport } from "../sip/uri.ts";

/** Keeps the prober informed of the addresses that the pools have at the moment. */
export class PoolWatch {
  readonly #locator: Locator;
  readonly #prober: Prober;
  readonly #timer: NodeJS.Timeout;
  readonly #found = new Map<string, readonly Target[]>();

  constructor(locator: Locator, health: Health, sender: ProbeSender, { intervalSeconds, timeoutMs }: ProbeConfig) {
    this.#locator = locator;
    this.#prober = new Prober(health, sender, { intervalSeconds, timeoutMs });
    // Names change their addresses without telling.
    this.#timer = setInterval(() => this.#locateAll(), intervalSeconds * 1000).unref();
  }

  /** Sets whose addresses are probed. @param uris SIP URIs as routing uses them for next hops */
  pools(uris: Iterable<string>): void {
    const wanted = new Set(uris);
    for (const uri of this.#found.keys()) if (!wanted.has(uri)) this.#found.delete(uri);
    for (const uri of wanted) if (!this.#found.has(uri)) this.#found.set(uri, []);
    this.#locateAll();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#found.clear();
    this.#prober.close();
  }

  #locateAll(): void {
    for (const text of this.#found.keys()) {
      const uri = parseUri(text);
      if (uri === undefined) continue;
      const transport = uriTransport(uri);
      const query = {
        host: uri.host,
        port: uri.port,
        transport,
        secure: uri.secure,
        anyTransport: transport === undefined,
      };
      const take = (result: LocateResult): void => {
        // A name that cannot be found for the moment keeps the addresses it had.
        if (!result.ok || !this.#found.has(text)) return;
        this.#found.set(text, result.targets);
        this.#prober.watch([...this.#found.values()].flat());
      };
      const known = this.#locator.locate(query, take);
      if (known !== undefined) take(known);
    }
    this.#prober.watch([...this.#found.values()].flat());
  }
}
