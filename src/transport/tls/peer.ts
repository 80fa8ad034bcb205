import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { covers, isRevoked } from "./crl.ts";
import { certificateFailure, type Failure } from "./failure.ts";
import type { TlsMaterial } from "./material.ts";

/** Extended key usages of a server's certificate: id-kp-serverAuth, and id-kp-sipDomain (RFC 5924). */
const SERVER_USAGES = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.20"];
/** A chain longer than this is taken for a circle. */
const MAX_CHAIN = 8;

/**
 * What is wrong with the certificate of a peer whose handshake is done; undefined when it holds. Its name is not
 * looked at.
 * @param socket made with `rejectUnauthorized: false`, so that it carries OpenSSL's verdict
 */
export function peerFailure(
  socket: TLSSocket,
  certificate: X509Certificate | undefined,
  material: TlsMaterial,
): Failure | undefined {
  if (certificate === undefined) return { kind: "certificate-missing", text: "showed no certificate" };
  if (socket.authorized) return undefined;
  const code = String(socket.authorizationError);
  if (code === "INVALID_PURPOSE" && isListedServer(certificate, material, Date.now())) return undefined;
  return certificateFailure(code, certificate);
}

/**
 * Accepts a server's certificate from a client. The front ends of OCS and Lync dial with the certificate they answer
 * with, which as a rule is for servers only; OpenSSL refuses that, and may hide an unknown CA behind it. So the chain
 * is walked again here, and every CA of it has to stand in `ca`: what limits a CA that a peer brings along (name
 * constraints, path length) is not judged here.
 */
function isListedServer(leaf: X509Certificate, { authorities, revocations }: TlsMaterial, now: number): boolean {
  if (leaf.ca || !leaf.keyUsage?.some((usage) => SERVER_USAGES.includes(usage))) return false;
  let certificate = leaf;
  for (let depth = 0; depth < MAX_CHAIN; depth++) {
    if (Date.parse(certificate.validFrom) > now || Date.parse(certificate.validTo) <= now) return false;
    if (revocations.length > 0) {
      const list = revocations.find((candidate) => covers(candidate, certificate));
      const current = list?.nextUpdate === undefined || list.nextUpdate.getTime() > now;
      if (list === undefined || !current || isRevoked(certificate, list)) return false;
    }
    const issuer = authorities.find((ca) => ca.ca && certificate.checkIssued(ca) && certificate.verify(ca.publicKey));
    if (issuer === undefined) return false;
    if (issuer.fingerprint256 === certificate.fingerprint256) return true;
    certificate = issuer;
  }
  return false;
}
