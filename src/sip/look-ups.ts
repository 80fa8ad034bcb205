import type { CoreHost, LocateQuery, LocateResult } from "./host.ts";
import type { LocatePurpose } from "./proxy/environment.ts";
import { type SipUri, uriParam, uriTransport } from "./uri.ts";

/** The questions where URIs lead (RFC 3263), and those who wait for an answer. */
export class LookUps {
  private readonly host: CoreHost;
  private readonly waiting = new Map<number, (result: LocateResult) => void>();
  private counter = 0;

  constructor(host: CoreHost) {
    this.host = host;
  }

  /** How many answers are waited for. */
  get size(): number {
    return this.waiting.size;
  }

  /** See ProxyEnvironment. */
  locate(uri: SipUri, purpose: LocatePurpose, done: (result: LocateResult) => void): () => void {
    const transport = uriTransport(uri);
    const query: LocateQuery = {
      host: uriParam(uri, "maddr") || uri.host,
      port: uri.port,
      transport,
      secure: uri.secure,
      anyTransport: purpose.anyTransport && transport === undefined,
      affinity: purpose.affinity,
      inDialog: purpose.inDialog,
    };
    const id = this.counter++;
    const known = this.host.locate(id, query);
    if (known !== undefined) {
      done(known);
      return NOTHING_TO_STOP;
    }
    this.waiting.set(id, done);
    return () => this.waiting.delete(id);
  }

  /** The answer to a question that was left open; nobody may wait for it any more. */
  resolved(id: number, result: LocateResult): void {
    const done = this.waiting.get(id);
    this.waiting.delete(id);
    done?.(result);
  }
}

const NOTHING_TO_STOP = (): void => {};
