import { isIP } from "node:net";
import { type ConnectionOptions, connect, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import type { Target } from "../../sip/flow.ts";
import type { Failure } from "./failure.ts";
import { contextOptions, type TlsMaterial } from "./material.ts";
import { nameFault, sipIdentities } from "./names.ts";
import { peerFailure } from "./peer.ts";
import type { TlsOutboundSettings } from "./settings.ts";

/** The client's side of TLS: dials, and judges the certificate of who answers. */
export class TlsDialler {
  #settings!: TlsOutboundSettings;
  #material!: TlsMaterial;
  #legacyHosts!: ReadonlySet<string>;
  /** Made when first needed: a certificate that is good enough for legacy hosts alone must not fail the rest. */
  readonly #contexts = new Map<boolean, SecureContext>();

  constructor(settings: TlsOutboundSettings, material: TlsMaterial) {
    this.use(settings, material);
  }

  /** Connections dialled from now on go by these. */
  use(settings: TlsOutboundSettings, material: TlsMaterial): void {
    this.#settings = settings;
    this.#material = material;
    this.#legacyHosts = new Set(settings.legacyHosts?.map((host) => host.toLowerCase()));
    this.#contexts.clear();
  }

  /**
   * Starts a connection; its `secureConnect` comes when OpenSSL is content, and then `judge` has to be asked before
   * anything is sent.
   * @param where what `net.connect` needs: an IP literal, a port
   * @throws Error when OpenSSL does not take our certificate
   */
  dial(target: Target, where: ConnectionOptions): TLSSocket {
    const socket = connect({
      ...where,
      // RFC 6066 §3: a name, never an address.
      ...(isIP(target.host) === 0 ? { servername: target.host } : {}),
      secureContext: this.#contextFor(target.host),
      // OpenSSL's verdict and the name are looked at in `judge`, which can say what was shown.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    return socket;
  }

  /** What is wrong with the certificate of the server that answered for `host`, or else the names that it has proved. */
  judge(socket: TLSSocket, host: string): { failure: Failure } | { names: readonly string[] | undefined } {
    const { verify = "full" } = this.#settings;
    if (verify === "none") return { names: undefined };
    const certificate = socket.getPeerX509Certificate();
    const failure = peerFailure(socket, certificate, this.#material);
    if (failure !== undefined || certificate === undefined) return { failure: failure! };
    const fault = verify === "full" ? nameFault(host, certificate) : undefined;
    return fault === undefined ? { names: sipIdentities(certificate) } : { failure: { kind: "name", text: fault } };
  }

  #contextFor(host: string): SecureContext {
    const legacy = this.#legacyHosts.has(host.toLowerCase());
    const known = this.#contexts.get(legacy);
    if (known !== undefined) return known;
    const context = createSecureContext(contextOptions(this.#material, legacy));
    this.#contexts.set(legacy, context);
    return context;
  }
}
