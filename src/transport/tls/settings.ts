/** Where certificate and key lie, and what a peer's certificate is checked with. Absolute paths. */
export interface TlsFiles {
  /** Our certificate and its intermediates, PEM. Stands with `key` or not at all. */
  readonly cert?: string;
  /** The certificate's private key, PEM, without a passphrase. */
  readonly key?: string;
  /** The CAs that are trusted, PEM or one in DER. Absent: those that come with Node. */
  readonly ca?: string;
  /** Revocation lists, PEM or one in DER. With it, each CA of a peer's chain needs one. Absent: revocation is not checked. */
  readonly crl?: string;
}

/**
 * `none`: clients are not asked for a certificate. `request`: they are asked; whoever has none, or one that does not
 * hold, is let in without names. `require`: only who proves its names is let in.
 */
export type ClientCertificates = "none" | "request" | "require";

/** How a TLS or WSS listener meets its callers. */
export interface TlsListenSettings extends TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Default `none`. */
  readonly clientCert?: ClientCertificates;
  /** Also TLS 1.0 and 1.1, SHA-1 and short keys. Default false. */
  readonly legacy?: boolean;
}

/**
 * `full`: the chain and the name (RFC 5922 §7.1). `chain`: the chain only. `none`: nothing; anybody may pose as the
 * server.
 */
export type Verification = "full" | "chain" | "none";

/** How TLS connections are dialled. `cert` with `key`, and `ca` with `crl`, default to those of the listener that dials. */
export interface TlsOutboundSettings extends TlsFiles {
  /** Default `full`. */
  readonly verify?: Verification;
  /** Hosts, in any case, that may be met with TLS 1.0 and 1.1, SHA-1 and short keys. */
  readonly legacyHosts?: readonly string[];
}

/** The files for the connections that a listener dials. */
export function outboundFiles(outbound: TlsFiles, listener: TlsFiles): TlsFiles {
  const { cert, key } = outbound.cert === undefined ? listener : outbound;
  const { ca, crl } = outbound.ca === undefined && outbound.crl === undefined ? listener : outbound;
  return {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
    ...(crl === undefined ? {} : { crl }),
  };
}
