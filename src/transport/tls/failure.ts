import type { X509Certificate } from "node:crypto";
import { type ClientHello, offersOnlyGoneSuites, versionName } from "./client-hello.ts";
import { sipIdentities } from "./names.ts";

/** The kinds of failed TLS and WebSocket handshakes, as they are counted. */
export type HandshakeFailure =
  /** No TLS version in common. */
  | "version"
  /** No cipher suite in common. */
  | "cipher"
  | "unknown-ca"
  | "expired"
  | "not-yet-valid"
  | "revoked"
  /** A revocation list is missing or outdated. */
  | "revocation-unknown"
  /** The certificate is not that of the host that was meant. */
  | "name"
  /** The certificate may not be used for this. */
  | "purpose"
  /** Some other fault of the peer's certificate. */
  | "certificate"
  /** A certificate was wanted and none was shown. */
  | "certificate-missing"
  /** The peer does not take our certificate. */
  | "certificate-refused"
  /** The peer speaks something else: plain SIP, HTTP. */
  | "not-tls"
  | "closed"
  | "timeout"
  /** No WebSocket handshake for SIP (RFC 7118 §4). */
  | "not-websocket"
  /** A page of an origin that is not allowed. */
  | "origin"
  | "other";

/** Why a handshake failed. `text` is the rest of a sentence that starts with the peer. */
export interface Failure {
  readonly kind: HandshakeFailure;
  readonly text: string;
}

const LEGACY_LISTENER = "`legacy: true` on the listener allows it";
const LEGACY_HOST = "naming it in `tls.legacyHosts` allows it";
const NOT_TAKEN = "does not take our certificate";

/** OpenSSL's reason, without `ERR_SSL_`, to what it means when we dialled. */
const DIALLED: Readonly<Record<string, Failure>> = {
  TLSV1_ALERT_PROTOCOL_VERSION: {
    kind: "version",
    text: `has no TLS version in common with us; ${LEGACY_HOST} if it is an old one`,
  },
  UNSUPPORTED_PROTOCOL: { kind: "version", text: `answers with a version below TLS 1.2; ${LEGACY_HOST}` },
  SSLV3_ALERT_HANDSHAKE_FAILURE: {
    kind: "cipher",
    text: "has no cipher suite in common with us, or wants a certificate that we do not have",
  },
  UNSAFE_LEGACY_RENEGOTIATION_DISABLED: {
    kind: "version",
    text: `lacks secure renegotiation (RFC 5746); ${LEGACY_HOST}`,
  },
  DH_KEY_TOO_SMALL: { kind: "cipher", text: `wants a Diffie-Hellman group that is too small; ${LEGACY_HOST}` },
  WRONG_SIGNATURE_TYPE: { kind: "cipher", text: `signs in a way that is not safe any more; ${LEGACY_HOST}` },
  LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED: {
    kind: "cipher",
    text: `signs in a way that is not safe any more; ${LEGACY_HOST}`,
  },
  WRONG_VERSION_NUMBER: { kind: "not-tls", text: "does not speak TLS on that port" },
  PACKET_LENGTH_TOO_LONG: { kind: "not-tls", text: "does not speak TLS on that port" },
};

/** The same for a connection that was accepted. */
const ACCEPTED: Readonly<Record<string, Failure>> = {
  UNSUPPORTED_PROTOCOL: { kind: "version", text: `offers no version from TLS 1.2 on; ${LEGACY_LISTENER}` },
  TLSV1_ALERT_PROTOCOL_VERSION: { kind: "version", text: "does not take the TLS version that was chosen" },
  NO_SHARED_CIPHER: { kind: "cipher", text: `offers no cipher suite of ours; ${LEGACY_LISTENER} if it is an old one` },
  SSLV3_ALERT_HANDSHAKE_FAILURE: { kind: "cipher", text: "broke the handshake off" },
};

/** Alerts (RFC 8446 §6.2) that mean the same whoever dialled. */
const EITHER: Readonly<Record<string, Failure>> = {
  TLSV1_ALERT_UNKNOWN_CA: { kind: "certificate-refused", text: `${NOT_TAKEN}: it does not know its CA` },
  SSLV3_ALERT_BAD_CERTIFICATE: { kind: "certificate-refused", text: `${NOT_TAKEN} (alert bad_certificate)` },
  SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: { kind: "certificate-refused", text: `${NOT_TAKEN}: its kind or purpose` },
  SSLV3_ALERT_CERTIFICATE_REVOKED: { kind: "certificate-refused", text: `${NOT_TAKEN}: it is revoked` },
  SSLV3_ALERT_CERTIFICATE_EXPIRED: { kind: "certificate-refused", text: `${NOT_TAKEN}: it has expired` },
  SSLV3_ALERT_CERTIFICATE_UNKNOWN: { kind: "certificate-refused", text: `${NOT_TAKEN} (alert certificate_unknown)` },
  TLSV1_ALERT_ACCESS_DENIED: { kind: "certificate-refused", text: "knows our certificate and does not let us in" },
  TLSV13_ALERT_CERTIFICATE_REQUIRED: {
    kind: "certificate-missing",
    text: "wants a certificate and we showed none; give `tls.cert` and `tls.key`",
  },
  TLSV1_ALERT_INSUFFICIENT_SECURITY: { kind: "cipher", text: "wants stronger cipher suites" },
  TLSV1_UNRECOGNIZED_NAME: { kind: "name", text: "does not know the name that it was called by" },
};

const CLOSED: Failure = { kind: "closed", text: "closed the connection during the TLS handshake" };

/** What an error of a TLS handshake means, when we dialled. */
export function explainDialled(error: NodeJS.ErrnoException): Failure {
  return explain(error, DIALLED);
}

/** What an error of a TLS handshake means, when we were dialled. @param hello what the client offered, if it could be read */
export function explainAccepted(error: NodeJS.ErrnoException, hello: ClientHello | undefined): Failure {
  const failure = explain(error, ACCEPTED);
  if (hello === undefined) return failure;
  if (failure.kind === "version" && hello.version < 0x0303) {
    return {
      kind: "version",
      text: `offers ${versionName(hello.version)} at most, less than TLS 1.2; ${LEGACY_LISTENER}`,
    };
  }
  if (failure.kind === "cipher" && offersOnlyGoneSuites(hello)) {
    return {
      kind: "cipher",
      text: "offers only cipher suites with RC4, DES or 3DES, which Node does not have; it needs TCP or a TLS terminator in front",
    };
  }
  return failure;
}

function explain(error: NodeJS.ErrnoException, table: Readonly<Record<string, Failure>>): Failure {
  const reason = reasonOf(error);
  const known = table[reason] ?? EITHER[reason];
  if (known !== undefined) return known;
  if (reason === "ECONNRESET" || reason === "EPIPE") return CLOSED;
  return { kind: "other", text: `broke the TLS handshake (${reason})` };
}

/** Errors of a running read carry OpenSSL's reason in their code, those of a write only in their text. */
function reasonOf(error: NodeJS.ErrnoException): string {
  const { code = "", message } = error;
  const text = /:SSL routines:[^:]*:([^:]+)/.exec(message)?.[1];
  let reason = code || message;
  if (code.startsWith("ERR_SSL_")) reason = code.slice(8);
  else if (text !== undefined) reason = text.trim().toUpperCase().replaceAll(" ", "_");
  // OpenSSL 3.2 has given the alerts of SSL 3, which TLS has kept, another name.
  return reason.replace(/^SSL\/TLS_/, "SSLV3_");
}

/** What is wrong with a peer's certificate. @param code OpenSSL's verdict, as Node spells it */
export function certificateFailure(code: string, certificate: X509Certificate): Failure {
  const whose = sipIdentities(certificate)[0] ?? "no name";
  const shown = `showed a certificate for ${whose}`;
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return expired(certificate)
        ? { kind: "expired", text: `${shown} that expired on ${day(certificate.validTo)}` }
        : { kind: "expired", text: `${shown} whose CA's certificate has expired` };
    case "CERT_NOT_YET_VALID":
      return { kind: "not-yet-valid", text: `${shown} that is not valid before ${day(certificate.validFrom)}` };
    case "CERT_REVOKED":
      return { kind: "revoked", text: `${shown} that is revoked` };
    case "UNABLE_TO_GET_CRL":
      return {
        kind: "revocation-unknown",
        text: `${shown} and \`crl\` has no list of ${issuerOf(certificate)}, or of a CA above it`,
      };
    case "CRL_HAS_EXPIRED":
      return {
        kind: "revocation-unknown",
        text: `${shown}, and the revocation list of ${issuerOf(certificate)} is outdated`,
      };
    case "CRL_NOT_YET_VALID":
      return {
        kind: "revocation-unknown",
        text: `${shown}, and the revocation list of ${issuerOf(certificate)} is of the future`,
      };
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
      return { kind: "unknown-ca", text: `${shown} that is signed by itself` };
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "CERT_UNTRUSTED":
      return { kind: "unknown-ca", text: `${shown} of an unknown CA (issued by ${issuerOf(certificate)})` };
    case "INVALID_PURPOSE":
      return { kind: "purpose", text: `${shown} that is not meant for this use (extended key usage)` };
    default:
      return { kind: "certificate", text: `${shown} that does not hold (${code})` };
  }
}

function expired(certificate: X509Certificate): boolean {
  return Date.parse(certificate.validTo) <= Date.now();
}

function day(date: string): string {
  return new Date(date).toISOString().slice(0, 10);
}

function issuerOf(certificate: X509Certificate): string {
  const { CN, O } = certificate.toLegacyObject().issuer ?? {};
  return String(CN ?? O ?? "a CA without a name");
}
